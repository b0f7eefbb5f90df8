/** The small pure modules. */
import { describe, expect, it } from 'vitest';
import { news } from '../src/lib/announce';
import { readCode, codeFromPath } from '../src/lib/base';
import { positionAt, ServerClock } from '../src/lib/clock';
import { accentFor, contrast, fromHsl, hueOf, meanColour, toHsl, type Rgb } from '../src/lib/colour';
import { about, clockTime, ordinal, signed, suggestedName } from '../src/lib/format';
import { waits } from '../src/lib/wait';
import { keepsPitch, steer } from '../src/sound/steer';
import type { Playing } from '../src/lib/wire';
import { item, view } from './make';

const playing = (more: Partial<Playing> = {}): Playing => ({
  song: item('p', []),
  play: 1,
  position: 10_000,
  started_at: 1_000,
  paused_at: null,
  paused_by: null,
  ...more,
});

describe('the clock', () => {
  it('knows the time from the quickest way there and the quickest way back, though no ping had both', () => {
    const clock = new ServerClock();
    clock.guess(0, 500);
    expect(clock.now(100)).toBe(600);
    clock.sample(0, 1_395, 400); // 395 there, 5 back
    clock.sample(500, 1_505, 700); // 5 there, 195 back
    expect(clock.offset).toBeCloseTo(1_000.5, 0);
    clock.sample(800, 2_000, 1_300); // slow both ways: it says nothing new
    expect(clock.offset).toBeCloseTo(1_000.5, 0);
  });

  it('follows a clock that drifts', () => {
    const clock = new ServerClock();
    for (let local = 0; local < 300_000; local += 1_500) {
      clock.sample(local, Math.floor((local + 5) * 1.0002 + 700), local + 10);
      expect(Math.abs(clock.now(local + 10) - ((local + 10) * 1.0002 + 700))).toBeLessThan(4);
    }
  });

  it('follows a clock that was set at once, and forgets all after a sleep', () => {
    const clock = new ServerClock();
    clock.sample(0, 1_001, 2);
    clock.sample(5_000, 6_550, 5_100);
    expect(clock.offset).toBeCloseTo(1_500, -1);
    clock.forget();
    expect(clock.offset).toBeCloseTo(1_500, -1);
    clock.sample(200_000, 203_050, 200_100);
    expect(clock.offset).toBeCloseTo(3_000, -1);
  });

  it('takes no time that ran backwards', () => {
    const clock = new ServerClock();
    clock.guess(0, 500);
    clock.sample(10, 900, 5);
    expect(clock.offset).toBe(500);
  });

  it('believes at once that the clock was set', () => {
    const clock = new ServerClock();
    clock.sample(0, 1_001, 2);
    clock.sample(1_000, 3_602_200, 1_400);
    expect(clock.offset).toBeCloseTo(3_601_000, -1);
    clock.sample(2_000, 3_603_150, 2_300);
    expect(clock.offset).toBeCloseTo(3_601_000, -1);
  });

  it('places a song, running and paused, within its length', () => {
    expect(positionAt(playing(), 3_000)).toBe(12_000);
    expect(positionAt(playing({ paused_at: 2_000 }), 99_000)).toBe(11_000);
    expect(positionAt(playing(), 10_000_000)).toBe(180_000);
    expect(positionAt(playing(), -50_000)).toBe(0);
  });
});

describe('steering', () => {
  const LONG = 60_000;
  /** What the rate comes to when nothing else happens. */
  const settled = (behind: number): number => {
    let rate = 1;
    for (let look = 0; look < 20; look++) {
      const steering = steer(10 + behind, 10, rate, LONG);
      if ('rate' in steering) rate = steering.rate;
    }
    return rate;
  };

  it('leaves a sound alone that is close enough, and nudges one that is not, by no more than ears allow', () => {
    expect(settled(0.005)).toBe(1);
    expect(settled(0.02)).toBeCloseTo(1.008, 6);
    expect(settled(0.05)).toBeCloseTo(1.01, 6);
    expect(settled(0.2)).toBeCloseTo(1.02, 6);
    expect(settled(-0.2)).toBeCloseTo(0.98, 6);
  });

  it('bends the rate in small steps, and back again', () => {
    expect(steer(10.2, 10, 1, LONG)).toEqual({ rate: expect.closeTo(1.004, 6) });
    expect(steer(10, 10, 1.02, LONG)).toEqual({ rate: expect.closeTo(1.016, 6) });
  });

  it('keeps the pitch only where its change could be heard', () => {
    expect(keepsPitch(settled(0.05))).toBe(false);
    expect(keepsPitch(settled(-0.05))).toBe(false);
    expect(keepsPitch(settled(0.2))).toBe(true);
  });

  it('jumps only beyond a quarter of a second, and not again at once', () => {
    expect(steer(10.249, 10, 1.02, LONG)).toHaveProperty('rate');
    expect(steer(10.251, 10, 1, LONG)).toEqual({ jump: 10.251 });
    expect(steer(9.7, 10, 1, LONG)).toEqual({ jump: 9.7 });
    expect(steer(30, 10, 1.02, 100)).toEqual({ rate: 1.02 });
  });
});

describe('colours', () => {
  it('are readable on every surface, whatever the artwork', () => {
    const rgb = (css: string) => css.match(/\d+/g)!.map(Number) as unknown as Rgb;
    for (let hue = 0; hue < 360; hue += 15)
      for (const [s, l] of [
        [0, 0],
        [0, 0.5],
        [0, 1],
        [0.3, 0.2],
        [1, 0.5],
        [1, 0.9],
      ] as const) {
        const mood = fromHsl(hue, s, l);
        for (const [scheme, surfaces] of [
          ['dark', ['21 17 14', '31 26 22', '43 36 30', '51 43 36']],
          ['light', ['250 245 238', '255 253 250', '243 235 224', '241 232 220']],
        ] as const) {
          const { accent, onAccent, ...moods } = accentFor(mood, scheme);
          const ink: Rgb = scheme === 'dark' ? [249, 242, 234] : [38, 27, 18];
          for (const glow of [moods.mood, moods.mood2])
            expect(contrast(ink, rgb(glow)), `ink on ${glow}`).toBeGreaterThanOrEqual(7);
          for (const surface of surfaces)
            expect(contrast(rgb(accent), rgb(surface)), `${accent} on ${surface}`).toBeGreaterThanOrEqual(
              4.5,
            );
          expect(contrast(rgb(accent), rgb(onAccent)), `${onAccent} on ${accent}`).toBeGreaterThanOrEqual(
            4.5,
          );
        }
      }
  });

  it('weigh colourful pixels more than grey ones', () => {
    const pixels = new Uint8ClampedArray(
      [...Array<number[]>(30).fill([128, 128, 128, 255]), [220, 20, 20, 255]].flat(),
    );
    expect(toHsl(meanColour(pixels))[0]).toBeLessThan(10);
  });

  it('of a song are always the same, and differ between songs', () => {
    expect(hueOf('abc')).toBe(hueOf('abc'));
    expect(new Set(Array.from({ length: 50 }, (_, i) => hueOf(`song ${i}`))).size).toBeGreaterThan(35);
  });
});

describe('codes', () => {
  it.each([
    ['k7xm2p', 'K7XM2P'],
    [' k7x m2p ', 'K7XM2P'],
    ['k7x-m2p', 'K7XM2P'],
    ['main', 'MAIN'],
    ['http://box.local:8080/r/K7XM2P?x=1', 'K7XM2P'],
    ['K7XM2', null],
    ['K7XM2PQ', null],
    ['K0XM1P', null],
    ['', null],
  ])('%j is read as %j', (typed, code) => expect(readCode(typed)).toBe(code));

  it('are found in the path below any root', () => {
    expect(codeFromPath('/r/abc234')).toBe('ABC234');
    expect(codeFromPath('/music/r/ABC234/stage')).toBe('ABC234');
  });
});

describe('words', () => {
  it('for times', () => {
    expect([clockTime(7), clockTime(187.9), clockTime(3729)]).toEqual(['0:07', '3:07', '1:02:09']);
    expect([about(20), about(70), about(660), about(3600), about(5400)]).toEqual([
      'less than a minute',
      'about a minute',
      'about 11 minutes',
      'about an hour',
      'about 1.5 hours',
    ]);
  });
  it('for places and scores', () => {
    expect([1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal)).toEqual(
      '1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th'.split(' '),
    );
    expect([signed(3), signed(0), signed(-2)]).toEqual(['3', '0', '−2']);
  });
  it('for guests', () => expect(suggestedName(() => 0)).toBe('Cosy Otter'));
});

it('waits add up, from what is left of the playing song', () => {
  const queue = [{ duration: 100 }, { duration: 50 }];
  expect(waits(queue, playing(), 1_000)).toEqual([170, 270]);
  expect(waits(queue, null, 1_000)).toEqual([0, 100]);
});

describe('news', () => {
  const before = view([item('a', [1]), { ...item('b', [2]), by: { id: 'm2', name: 'Ben' } }]);
  it('tells that my song is next, and that it plays', () => {
    const next = view([{ ...item('b', [2]), by: { id: 'm2', name: 'Ben' } }, item('a', [3])]);
    expect(news(next, before, 'm1')).toEqual([{ text: 'Your song Song a is next.', personal: true }]);
    const plays = view([], { playing: playing({ song: item('a', []) }) });
    expect(news(before, plays, 'm1')).toEqual([{ text: 'Your song Song a is playing now.', personal: true }]);
  });
  it('is silent when nothing that matters moved', () => {
    expect(news(before, before, 'm1')).toEqual([]);
    expect(news(before, view([item('a', [1])]), 'm2')).toEqual([]);
  });
  it('tells others what plays', () => {
    const plays = view([], { playing: playing() });
    expect(news(before, plays, 'm3')).toEqual([{ text: 'Now playing Song p by Somebody.', personal: false }]);
  });
});
