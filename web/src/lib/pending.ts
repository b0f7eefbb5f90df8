/** What this person has asked for and the server has not shown yet, laid over the confirmed view; pure. */
import { mergeVotes, type View } from './room';
import type { Item, Me, Op, Song, VoteValue } from './wire';

interface Numbers {
  score: number;
  up: number;
  down: number;
}

export interface PendingOp {
  id: string;
  op: Op;
  /** The song of an `add`, so that it can be shown before the server has it. */
  song?: Song;
  /** For a vote: the numbers it was made upon, and my vote as those numbers count it. */
  base?: Numbers & { from: VoteValue };
  /** The version in which the command shows, once the server has said so. */
  seq?: number;
}

/** A queue row as it is drawn. */
export interface Row extends Item {
  mine: VoteValue;
  /** Asked for, but not in the server's queue yet. */
  pending: boolean;
}

const numbersOf = ({ score, up, down }: Numbers): Numbers => ({ score, up, down });
const sameNumbers = (a: Numbers, b: Numbers) => a.score === b.score && a.up === b.up && a.down === b.down;

/** The pending list with `op` at its end. An older unanswered vote for the same song lends its base. */
export function ask(pending: PendingOp[], view: View | null, id: string, op: Op, song?: Song): PendingOp[] {
  const entry: PendingOp = { id, op, ...(song ? { song } : {}) };
  if (op.op === 'vote') {
    const item = view?.queue.find((candidate) => candidate.id === op.song_id);
    if (item) {
      const last = lastVote(pending, op.song_id);
      const unseen = last?.base && sameNumbers(last.base, item);
      const from = last ? (unseen ? last.base!.from : valueOf(last)) : (view?.mine[item.id] ?? 0);
      entry.base = { ...numbersOf(item), from };
    }
  }
  return [...pending, entry];
}

const valueOf = (entry: PendingOp): VoteValue => (entry.op.op === 'vote' ? entry.op.value : 0);

function lastVote(pending: PendingOp[], songId: string): PendingOp | undefined {
  return pending.findLast((entry) => entry.op.op === 'vote' && entry.op.song_id === songId);
}

/** The server has said in which version the command shows. */
export function confirm(pending: PendingOp[], id: string, seq: number): PendingOp[] {
  return pending.map((entry) => (entry.id === id ? { ...entry, seq } : entry));
}

/** A refused command never happened. */
export function withdraw(pending: PendingOp[], id: string): PendingOp[] {
  return pending.filter((entry) => entry.id !== id);
}

/** Drops what the view shows by now; a confirmed vote becomes part of `mine`, which no patch would tell. */
export function settle(view: View, pending: PendingOp[]): { view: View; pending: PendingOp[] } {
  const reached = pending.filter((entry) => entry.seq !== undefined && view.seq >= entry.seq);
  if (!reached.length) return { view, pending };
  const queued = new Set(view.queue.map((item) => item.id));
  let mine = view.mine;
  for (const { op } of reached) {
    // A vote may outlive its item by a moment; it died with it.
    if (op.op === 'vote' && queued.has(op.song_id)) mine = mergeVotes(mine, { [op.song_id]: op.value });
  }
  return { view: { ...view, mine }, pending: pending.filter((entry) => !reached.includes(entry)) };
}

/**
 * The rows to draw. A vote's guess holds only while the server's numbers are still the ones it was made
 * upon: the patch that counts it may come before its `done`, and must not be counted twice.
 */
export function rows(view: View, pending: PendingOp[], me: Me | null): Row[] {
  const votes = new Map<string, PendingOp>();
  const added = new Map<string, Song>();
  const removed = new Set<string>();
  for (const entry of pending) {
    const { op } = entry;
    if (op.op === 'vote') votes.set(op.song_id, entry);
    else if (op.op === 'add' && entry.song) {
      added.set(entry.song.id, entry.song);
      removed.delete(entry.song.id);
    } else if (op.op === 'remove') {
      removed.add(op.song_id);
      added.delete(op.song_id);
    } else if (op.op === 'clear') for (const item of view.queue) removed.add(item.id);
  }
  const result: Row[] = [];
  for (const item of view.queue) {
    added.delete(item.id);
    if (!removed.has(item.id)) result.push(row(item, view.mine[item.id] ?? 0, votes.get(item.id)));
  }
  for (const song of added.values()) {
    if (view.playing?.song.id !== song.id) result.push(ghost(song, me));
  }
  return result;
}

/** Rows without a guess, kept so that an unchanged row stays the same object and is not drawn again. */
const settled = new WeakMap<Item, Row>();

function row(item: Item, confirmed: VoteValue, vote: PendingOp | undefined): Row {
  if (!vote) {
    let known = settled.get(item);
    if (known?.mine !== confirmed) settled.set(item, (known = { ...item, mine: confirmed, pending: false }));
    return known;
  }
  const value = valueOf(vote);
  const guess = vote.base && sameNumbers(vote.base, item) ? guessed(vote.base, value) : numbersOf(item);
  return { ...item, ...guess, mine: value, pending: false };
}

function guessed(base: Numbers & { from: VoteValue }, value: VoteValue): Numbers {
  const step = (wanted: VoteValue) => Number(value === wanted) - Number(base.from === wanted);
  return { score: base.score + value - base.from, up: base.up + step(1), down: base.down + step(-1) };
}

function ghost(song: Song, me: Me | null): Row {
  const by = { id: me?.id ?? '', name: me?.name ?? '' };
  return { ...song, score: 0, up: 0, down: 0, by, added_at: 0, key: [], mine: 0, pending: true };
}
