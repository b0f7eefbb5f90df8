/** The queue's rows on the move: one pass that reads where they are, one that lets them glide; never in turns. */
import { shiftOf, start, stop } from '../ui/glide';

/** What can be seen of the list, in the same measure as `offsetTop` (px). */
export interface Screen {
  top: number;
  bottom: number;
}

/** So far outside the screen is out of sight (px), though the list is scrolled in the same frame. */
const SLACK = 24;

/** From where and to where a row glides, in the list's measure (px); null if nobody would see it. */
export function path(
  from: number,
  to: number,
  height: number,
  screen: Screen,
): { from: number; to: number } | null {
  const seen = (top: number) => top < screen.bottom && top + height > screen.top;
  if (Math.abs(from - to) < 0.5 || (!seen(from) && !seen(to))) return null;
  // A song that comes from or goes to far away does so at the pace of the others.
  const clamp = (top: number) => Math.max(screen.top - height - SLACK, Math.min(screen.bottom + SLACK, top));
  return { from: seen(from) ? from : clamp(from), to: seen(to) ? to : clamp(to) };
}

interface Place {
  top: number;
  height: number;
  shift: number;
}

export class Glider {
  private before: Map<HTMLElement, Place> | null = null;

  /** To be called while the document still shows the old order, with the rows that are near the screen. */
  measure(rows: Iterable<HTMLElement>): ReadonlyMap<HTMLElement, Place> {
    this.before = new Map();
    for (const row of rows)
      this.before.set(row, { top: row.offsetTop, height: row.offsetHeight, shift: shiftOf(row) });
    return this.before;
  }

  /** To be called when the document shows the new order. Rows that were not measured come in from below. */
  glide(rows: Iterable<HTMLElement>, screen: Screen, duration: number): void {
    const before = this.before;
    this.before = null;
    if (!before) return;
    const writes: (() => void)[] = [];
    for (const row of new Set([...rows, ...before.keys()])) {
      if (!row.isConnected) continue;
      const was = before.get(row);
      const [top, height] = [row.offsetTop, row.offsetHeight];
      if (was && Math.abs(was.top - top) < 0.5) continue; // It may still glide from before.
      const way = path(was ? was.top + was.shift : Infinity, top, height, screen);
      if (way && duration) writes.push(() => start(row, way.from - top, way.to - top, duration));
      else writes.push(() => stop(row));
    }
    for (const write of writes) write();
  }
}
