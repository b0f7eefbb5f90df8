/** The room as this listener knows it: a pure function from frames to views, without clocks or sockets. */
import type { Item, Patch, Played, Playing, Room, ServerFrame, State, Votes } from './wire';

/** As many finished songs as a state carries. */
export const HISTORY_LENGTH = 20;

export interface View {
  seq: number;
  mark: string;
  room: Room;
  playing: Playing | null;
  /** In play order. */
  queue: Item[];
  /** Newest first. */
  history: Played[];
  /** My own votes; 0 is never stored. */
  mine: Votes;
}

/** Number by number; a shorter key that is a prefix of another comes first. */
export function compareKeys(a: readonly number[], b: readonly number[]): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference) return difference;
  }
  return a.length - b.length;
}

const byKey = (a: Item, b: Item) => compareKeys(a.key, b.key);

/** The view after `frame`. Frames that say nothing about the room give the same view back. */
export function applyFrame(view: View | null, frame: ServerFrame): View | null {
  switch (frame.t) {
    case 'state':
      return fromState(frame);
    case 'patch':
      return view && applyPatch(view, frame);
    case 'mine':
      return view && { ...view, mine: mergeVotes(frame.all ? {} : view.mine, frame.votes) };
    default:
      return view;
  }
}

function fromState({ seq, mark, room, playing, queue, history, mine }: State): View {
  return { seq, mark, room, playing, queue: [...queue].sort(byKey), history, mine };
}

function applyPatch(view: View, patch: Patch): View {
  const deleted = new Set(patch.del ?? []);
  const changed = patch.del?.length || patch.set?.length;
  return {
    seq: patch.seq,
    mark: patch.mark,
    room: patch.room ? { ...view.room, ...patch.room } : view.room,
    playing: patch.playing === undefined ? view.playing : patch.playing,
    queue: changed ? applyItems(view.queue, deleted, patch.set ?? []) : view.queue,
    history: patch.history ? [...patch.history, ...view.history].slice(0, HISTORY_LENGTH) : view.history,
    // Votes die with their item.
    mine: deleted.size ? without(view.mine, deleted) : view.mine,
  };
}

function applyItems(queue: Item[], deleted: Set<string>, set: NonNullable<Patch['set']>): Item[] {
  const changes = new Map(set.map((change) => [change.id, change]));
  const next: Item[] = [];
  for (const item of queue) {
    if (deleted.has(item.id)) continue;
    const change = changes.get(item.id);
    next.push(change ? { ...item, ...change } : item);
    changes.delete(item.id);
  }
  // What is left was unknown or has just been deleted, so it comes whole.
  for (const item of changes.values()) next.push(item as Item);
  return next.sort(byKey);
}

function without(votes: Votes, ids: Set<string>): Votes {
  return Object.fromEntries(Object.entries(votes).filter(([id]) => !ids.has(id)));
}

/** `votes` laid over `mine`; a zero takes a vote away. */
export function mergeVotes(mine: Votes, votes: Votes): Votes {
  return Object.fromEntries(Object.entries({ ...mine, ...votes }).filter(([, value]) => value !== 0));
}
