/** Rows in an order that stands still while the queue goes on; pure. */

/**
 * The rows of `now` in the order of `held`: nothing moves, though scores may change. A song that has left keeps
 * its place, so that those below it keep theirs; a new one comes last.
 */
export function inOrderOf<T extends { id: string }>(held: readonly T[], now: readonly T[]): T[] {
  const left = new Map(now.map((row) => [row.id, row]));
  const rows = held.map((row) => {
    const current = left.get(row.id);
    left.delete(row.id);
    return current ?? row;
  });
  return [...rows, ...left.values()];
}

export const sameOrder = (a: readonly { id: string }[], b: readonly { id: string }[]): boolean =>
  a === b || (a.length === b.length && a.every(({ id }, at) => id === b[at]!.id));

/** Where rows were seen (px, in the list's measure). */
export type Tops = ReadonlyMap<string, { top: number; bottom: number }>;

interface Sight {
  /** ms. */
  at: number;
  tops: Tops;
}

/** A finger goes where it saw a row this long before it arrives (ms). */
export const AIM = 250;

/** Remembers where the rows were seen before each change, to tell a tap that was meant from one that was not. */
export class Sights {
  private past: Sight[] = [];

  add(at: number, tops: Tops): void {
    this.past = [...this.past.filter((sight) => at - sight.at <= AIM), { at, tops }];
  }

  /** Whether the finger that finds the row `id` at `y` at the moment `now` set out for it, and not for another. */
  meant(id: string, y: number, now: number): boolean {
    // What was seen before the first change since then is what the finger set out for.
    const then = this.past.find((sight) => now - sight.at <= AIM);
    const there = [...(then?.tops ?? [])].filter(([, { top, bottom }]) => top <= y && y < bottom);
    return !there.length || there.some(([other]) => other === id);
  }
}
