import { describe, expect, it } from 'vitest';
import { applyFrame, compareKeys, type View } from '../src/lib/room';
import { item, view } from './make';

const ids = (v: View | null) => v?.queue.map(({ id }) => id);

describe('compareKeys', () => {
  it('compares numbers, not text', () => {
    expect(compareKeys([9], [10])).toBeLessThan(0);
    expect(compareKeys([-1, 5], [0, 1])).toBeLessThan(0);
    expect(compareKeys([1], [1, 0])).toBeLessThan(0);
    expect(compareKeys([2, 3], [2, 3])).toBe(0);
  });
});

describe('applyFrame', () => {
  it('puts a state into key order, whatever order it came in', () => {
    expect(ids(view([item('b', [2]), item('a', [1]), item('c', [10])]))).toEqual(['a', 'b', 'c']);
  });

  it('applies a patch in the order of the protocol: del, set, playing, history, room', () => {
    const before = view([item('a', [1], 3), item('b', [2]), item('c', [3])], { mine: { a: 1, b: -1 } });
    const after = applyFrame(before, {
      t: 'patch',
      seq: 2,
      mark: 'b',
      del: ['a'],
      set: [{ id: 'c', key: [0], score: 1 }, item('a', [9])],
      room: { name: 'Renamed' },
    });
    expect(ids(after)).toEqual(['c', 'b', 'a']);
    expect(after?.queue[2]?.score).toBe(0);
    expect(after?.queue[0]?.title).toBe('Song c');
    expect(after?.mine).toEqual({ b: -1 });
    expect(after?.room).toEqual({ code: 'MAIN', name: 'Renamed', policy: 'votes' });
    expect([after?.seq, after?.mark]).toEqual([2, 'b']);
  });

  it('leaves playing alone when absent and clears it when null', () => {
    const playing = {
      song: item('x', [0]),
      play: 1,
      position: 0,
      started_at: 0,
      paused_at: null,
      paused_by: null,
    };
    const before = view([], { playing });
    expect(applyFrame(before, { t: 'patch', seq: 2, mark: 'b' })?.playing).toEqual(playing);
    expect(applyFrame(before, { t: 'patch', seq: 2, mark: 'b', playing: null })?.playing).toBeNull();
  });

  it('keeps twenty songs of history, newest first', () => {
    const played = (play: number) => ({ song: item(`h${play}`, []), play, played_at: play });
    const before = view([], { history: Array.from({ length: 20 }, (_, i) => played(20 - i)) });
    const after = applyFrame(before, {
      t: 'patch',
      seq: 2,
      mark: 'b',
      history: [played(22), played(21)],
    });
    expect(after?.history.map(({ play }) => play)).toEqual([
      22,
      21,
      ...Array.from({ length: 18 }, (_, i) => 20 - i),
    ]);
  });

  it('merges own votes, takes zeros away, and replaces all when told', () => {
    const before = view([item('a', [1]), item('b', [2])], { mine: { a: 1 } });
    expect(applyFrame(before, { t: 'mine', votes: { a: 0, b: -1 } })?.mine).toEqual({ b: -1 });
    expect(applyFrame(before, { t: 'mine', votes: { b: 1 }, all: true })?.mine).toEqual({ b: 1 });
  });

  it('does not change what it was given', () => {
    const before = Object.freeze(view([item('a', [1]), item('b', [2])]));
    Object.freeze(before.queue);
    applyFrame(before, { t: 'patch', seq: 2, mark: 'b', del: ['a'], set: [{ id: 'b', score: 4 }] });
    expect(ids(before)).toEqual(['a', 'b']);
    expect(before.queue[1]?.score).toBe(0);
  });

  it('has nothing to say before the first state', () => {
    expect(applyFrame(null, { t: 'patch', seq: 2, mark: 'b' })).toBeNull();
  });
});
