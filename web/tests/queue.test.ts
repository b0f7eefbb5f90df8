/** The queue tab's pure parts: which rows are near, where they glide, and what a finger meant. */
import { describe, expect, it } from 'vitest';
import { path } from '../src/phone/glider';
import { near } from '../src/phone/near';
import { AIM, inOrderOf, sameOrder, Sights } from '../src/phone/order';
import { Gatherer } from '../src/lib/gather';

const rows = (ids: string) => [...ids].map((id) => ({ id, score: 0 }));
const ids = (list: { id: string }[]) => list.map(({ id }) => id).join('');

describe('an order that stands still', () => {
  it('shows new scores in the old order, keeps the place of what has left, and puts what is new last', () => {
    const now = [
      { id: 'c', score: 5 },
      { id: 'x', score: 1 },
      { id: 'a', score: 0 },
    ];
    const shown = inOrderOf(rows('abc'), now);
    expect(ids(shown)).toBe('abcx');
    expect(shown[2]).toBe(now[0]);
  });

  it('knows whether anything would move', () => {
    expect(sameOrder(rows('abc'), rows('abc'))).toBe(true);
    expect(sameOrder(rows('abc'), rows('acb'))).toBe(false);
    expect(sameOrder(rows('abc'), rows('ab'))).toBe(false);
  });
});

describe('what a finger meant', () => {
  const places = (order: string) =>
    new Map([...order].map((id, at) => [id, { top: 80 * at, bottom: 80 * at + 80 }]));

  it('is not the row that has come under it on its way', () => {
    const sights = new Sights();
    sights.add(1_000, places('abc'));
    expect(sights.meant('b', 100, 1_100)).toBe(true);
    expect(sights.meant('c', 100, 1_100)).toBe(false);
    expect(sights.meant('c', 100, 1_000 + AIM + 1)).toBe(true);
  });

  it('goes by what was seen when it set out, not by the last change', () => {
    const sights = new Sights();
    sights.add(1_000, places('abc'));
    sights.add(1_150, places('bac'));
    expect(sights.meant('a', 40, 1_200)).toBe(true);
    expect(sights.meant('b', 40, 1_200)).toBe(false);
    expect(sights.meant('b', 40, 1_300)).toBe(true);
  });

  it('is what it hits where nothing was before', () => {
    const sights = new Sights();
    expect(sights.meant('a', 10, 5)).toBe(true);
    sights.add(1_000, places('ab'));
    expect(sights.meant('new', 200, 1_050)).toBe(true);
  });
});

describe('rows near the screen', () => {
  const bottomOf = (at: number) => 100 * at + 100;
  const reads: number[] = [];
  const look = (old: { first: number; last: number }, top: number, count = 500) => {
    reads.length = 0;
    return near(old, count, (at) => (reads.push(at), bottomOf(at)), { top, bottom: top + 1_000 });
  };

  it('are those of a screen more on either side', () => {
    expect(look({ first: 0, last: 0 }, 20_000)).toEqual({ first: 190, last: 221 });
    expect(look({ first: 0, last: 0 }, 0)).toEqual({ first: 0, last: 21 });
    expect(look({ first: 0, last: 0 }, 49_000)).toEqual({ first: 480, last: 500 });
    expect(look({ first: 0, last: 16 }, 0, 3)).toEqual({ first: 0, last: 3 });
  });

  it('stay the same while half a screen is left, and are found without looking at every row', () => {
    const old = look({ first: 0, last: 0 }, 20_000);
    expect(look(old, 20_400)).toBe(old);
    expect(look(old, 20_600)).not.toBe(old);
    expect(reads.length).toBeLessThan(50);
  });
});

describe('the way of a row', () => {
  const screen = { top: 1_000, bottom: 2_000 };
  it('is nothing for a row that stays, or that nobody sees', () => {
    expect(path(1_200, 1_200, 80, screen)).toBeNull();
    expect(path(0, 500, 80, screen)).toBeNull();
  });

  it('is no longer than the screen', () => {
    expect(path(1_200, 1_360, 80, screen)).toEqual({ from: 1_200, to: 1_360 });
    expect(path(Infinity, 1_360, 80, screen)).toEqual({ from: 2_024, to: 1_360 });
    expect(path(40_000, 1_360, 80, screen)).toEqual({ from: 2_024, to: 1_360 });
    expect(path(1_200, 0, 80, screen)).toEqual({ from: 1_200, to: 896 });
  });
});

describe('what arrives between two frames', () => {
  const make = () => {
    const shown: number[][] = [];
    const page = { hidden: false, frame: null as (() => void) | null, asked: 0 };
    const gatherer = new Gatherer<number>((gathered) => shown.push(gathered), {
      hidden: () => page.hidden,
      next: (run) => {
        page.asked++;
        page.frame = run;
        return () => (page.frame = null);
      },
    });
    return { shown, page, gatherer };
  };

  it('is shown at once, in its order, with the next frame', () => {
    const { shown, page, gatherer } = make();
    for (const n of [1, 2, 3]) gatherer.add(n);
    expect(shown).toEqual([]);
    page.frame?.();
    expect(shown).toEqual([[1, 2, 3]]);
    expect(page.asked).toBe(1);
    gatherer.add(4);
    page.frame?.();
    expect(shown).toEqual([[1, 2, 3], [4]]);
  });

  it('does not wait for a frame on a page that nobody looks at', () => {
    const { shown, page, gatherer } = make();
    gatherer.add(1);
    page.hidden = true;
    gatherer.add(2);
    expect(shown).toEqual([[1, 2]]);
    expect(page.frame).toBeNull();
    gatherer.flush();
    expect(shown).toHaveLength(1);
  });
});
