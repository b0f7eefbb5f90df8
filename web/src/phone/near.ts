/** Which rows of a long list are near the screen; pure. */

/** Places of rows, from `first` up to but without `last`. */
export interface Range {
  first: number;
  last: number;
}

/** The first of `count` rows that ends below `y` (px); `bottomOf` rises from row to row. */
function firstBelow(count: number, bottomOf: (at: number) => number, y: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bottomOf(middle) > y) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The rows from one screen above to one screen below. The old range stays while it reaches half as far, so that
 * scrolling changes it now and then, and not with each pixel.
 */
export function near(
  old: Range,
  count: number,
  bottomOf: (at: number) => number,
  screen: { top: number; bottom: number },
): Range {
  const height = screen.bottom - screen.top;
  const reach = (screens: number): Range => {
    const first = firstBelow(count, bottomOf, screen.top - screens * height);
    return {
      first,
      last: Math.min(count, firstBelow(count, bottomOf, screen.bottom + screens * height) + 1),
    };
  };
  const least = reach(0.5);
  return old.first <= least.first && old.last >= least.last && old.last <= count ? old : reach(1);
}
