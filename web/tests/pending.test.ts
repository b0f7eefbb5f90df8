import { describe, expect, it } from 'vitest';
import { ask, confirm, rows, settle, withdraw, type PendingOp } from '../src/lib/pending';
import { applyFrame, type View } from '../src/lib/room';
import type { Me, Op } from '../src/lib/wire';
import { item, view } from './make';

const me: Me = { id: 'm1', name: 'Anna', role: 'guest' };
const vote = (song_id: string, value: -1 | 0 | 1): Op => ({ op: 'vote', song_id, value });
const scored = (v: View, pending: PendingOp[]) =>
  rows(v, pending, me).map(({ id, score, mine }) => [id, score, mine]);
const patch = (v: View, seq: number, id: string, score: number) =>
  applyFrame(v, { t: 'patch', seq, mark: `${seq}`, set: [{ id, score, up: score, down: 0 }] }) as View;

describe('votes', () => {
  it('show at once, with their arrow pressed', () => {
    const v = view([item('a', [1], 3)]);
    const pending = ask([], v, '1', vote('a', 1));
    expect(scored(v, pending)).toEqual([['a', 4, 1]]);
    expect(rows(v, pending, me)[0]).toMatchObject({ up: 4, down: 0 });
  });

  it('are not counted twice when the patch comes before the done', () => {
    let v = view([item('a', [1], 3)]);
    let pending = ask([], v, '1', vote('a', 1));
    v = patch(v, 2, 'a', 4);
    expect(scored(v, pending)).toEqual([['a', 4, 1]]);
    pending = confirm(pending, '1', 2);
    ({ view: v, pending } = settle(v, pending));
    expect(pending).toEqual([]);
    expect(v.mine).toEqual({ a: 1 });
    expect(scored(v, pending)).toEqual([['a', 4, 1]]);
  });

  it('stay shown when the done comes before the patch', () => {
    let v = view([item('a', [1], 3)]);
    let pending = confirm(ask([], v, '1', vote('a', 1)), '1', 2);
    ({ view: v, pending } = settle(v, pending));
    expect(scored(v, pending)).toEqual([['a', 4, 1]]);
    v = patch(v, 2, 'a', 4);
    ({ view: v, pending } = settle(v, pending));
    expect(pending).toEqual([]);
    expect(scored(v, pending)).toEqual([['a', 4, 1]]);
  });

  it('can be taken back before the first answer', () => {
    let v = view([item('a', [1], 3)]);
    let pending = ask([], v, '1', vote('a', 1));
    pending = ask(pending, v, '2', vote('a', 0));
    expect(scored(v, pending)).toEqual([['a', 3, 0]]);
    v = patch(v, 2, 'a', 4);
    pending = confirm(pending, '1', 2);
    ({ view: v, pending } = settle(v, pending));
    v = patch(v, 3, 'a', 3);
    pending = confirm(pending, '2', 3);
    ({ view: v, pending } = settle(v, pending));
    expect(scored(v, pending)).toEqual([['a', 3, 0]]);
    expect(v.mine).toEqual({});
  });

  it('made upon numbers that already count the one before', () => {
    let v = view([item('a', [1], 3)]);
    let pending = ask([], v, '1', vote('a', 1));
    v = patch(v, 2, 'a', 4);
    pending = ask(pending, v, '2', vote('a', -1));
    expect(scored(v, pending)).toEqual([['a', 2, -1]]);
  });

  it('roll back when refused', () => {
    const v = view([item('a', [1], 3)], { mine: { a: 1 } });
    const pending = ask([], v, '1', vote('a', -1));
    expect(scored(v, pending)).toEqual([['a', 1, -1]]);
    expect(scored(v, withdraw(pending, '1'))).toEqual([['a', 3, 1]]);
  });

  it('of a song that has left leave nothing behind', () => {
    let v = view([item('a', [1]), item('b', [2])]);
    let pending = confirm(ask([], v, '1', vote('a', 1)), '1', 2);
    v = applyFrame(v, { t: 'patch', seq: 3, mark: '3', del: ['a'] }) as View;
    ({ view: v, pending } = settle(v, pending));
    expect(v.mine).toEqual({});
    expect(scored(v, pending)).toEqual([['b', 0, 0]]);
  });
});

describe('adding and removing', () => {
  const song = { id: 'n', title: 'New', artist: 'Them', duration: 100 };

  it('an added song stands at the end until the server has placed it', () => {
    let v = view([item('a', [1])]);
    let pending = ask([], v, '1', { op: 'add', song }, song);
    expect(rows(v, pending, me).map((row) => [row.id, row.pending])).toEqual([
      ['a', false],
      ['n', true],
    ]);
    v = applyFrame(v, { t: 'patch', seq: 2, mark: '2', set: [{ ...item('n', [0]), ...song }] }) as View;
    expect(rows(v, pending, me).map((row) => [row.id, row.pending])).toEqual([
      ['n', false],
      ['a', false],
    ]);
    pending = confirm(pending, '1', 2);
    expect(settle(v, pending).pending).toEqual([]);
  });

  it('an added song that started at once is not shown as queued', () => {
    const playing = { song, play: 1, position: 0, started_at: 0, paused_at: null, paused_by: null };
    const v = view([], { playing });
    expect(rows(v, ask([], v, '1', { op: 'add', song }, song), me)).toEqual([]);
  });

  it('a removed song is gone at once and comes back when refused', () => {
    const v = view([item('a', [1]), item('b', [2])]);
    const pending = ask([], v, '1', { op: 'remove', song_id: 'a' });
    expect(rows(v, pending, me).map(({ id }) => id)).toEqual(['b']);
    expect(rows(v, withdraw(pending, '1'), me).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('a cleared queue is empty at once', () => {
    const v = view([item('a', [1]), item('b', [2])]);
    expect(rows(v, ask([], v, '1', { op: 'clear' }), me)).toEqual([]);
  });
});
