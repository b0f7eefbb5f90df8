/** The order that another policy would give the queue of now, as the server would deal it; pure. */
import type { Item, Policy } from './wire';

type Queued = Pick<Item, 'id' | 'score' | 'by' | 'added_at'>;

/** The queue under `policy`; `playingFor` is whose song plays, which counts as a turn taken. */
export function underPolicy<T extends Queued>(
  queue: readonly T[],
  policy: Policy,
  playingFor: string | undefined,
): T[] {
  const first = [...queue].sort((a, b) => a.added_at - b.added_at);
  if (policy === 'first_come') return first;
  if (policy === 'votes') return [...first].sort((a, b) => b.score - a.score);
  const taken = new Map<string, number>(playingFor ? [[playingFor, 1]] : []);
  const turns = new Map<string, number>();
  for (const { id, by } of first) {
    const turn = taken.get(by.id) ?? 0;
    turns.set(id, turn);
    taken.set(by.id, turn + 1);
  }
  return [...first].sort((a, b) => turns.get(a.id)! - turns.get(b.id)! || b.score - a.score);
}
