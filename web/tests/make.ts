/** Small rooms for tests. */
import { applyFrame, type View } from '../src/lib/room';
import type { Item, State } from '../src/lib/wire';

export const item = (id: string, key: number[], score = 0): Item => ({
  id,
  title: `Song ${id}`,
  artist: 'Somebody',
  duration: 180,
  score,
  up: Math.max(0, score),
  down: Math.max(0, -score),
  by: { id: 'm1', name: 'Anna' },
  added_at: 1,
  key,
});

export const state = (queue: Item[], more: Partial<State> = {}): State => ({
  t: 'state',
  seq: 1,
  mark: 'a',
  room: { code: 'MAIN', name: 'Party', policy: 'votes' },
  playing: null,
  queue,
  history: [],
  mine: {},
  ...more,
});

export const view = (queue: Item[], more: Partial<State> = {}): View =>
  applyFrame(null, state(queue, more)) as View;
