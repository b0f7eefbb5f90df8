/** Rows that glide to their new place: the browser moves them by itself, from where they are seen to be. */

const EASE = 'cubic-bezier(0.22, 1, 0.36, 1)';

interface Glide {
  animation: Animation;
  from: number;
  to: number;
}

const running = new WeakMap<Element, Glide>();

/** How far below its place in the document an element is seen (px). Asks for no style and no layout. */
export function shiftOf(element: Element): number {
  const glide = running.get(element);
  if (!glide) return 0;
  const progress = glide.animation.effect?.getComputedTiming().progress;
  return progress == null ? 0 : glide.from + (glide.to - glide.from) * progress;
}

/** Lets an element glide from `from` to `to`, both below its place (px), in place of any glide before. */
export function start(element: Element, from: number, to: number, duration: number): void {
  stop(element);
  const at = (shift: number) => ({ transform: shift ? `translateY(${shift}px)` : 'none' });
  const animation = element.animate([at(from), at(to)], { duration, easing: EASE });
  const glide = { animation, from, to };
  running.set(element, glide);
  animation.onfinish = () => {
    if (running.get(element) === glide) running.delete(element);
  };
}

export function stop(element: Element): void {
  running.get(element)?.animation.cancel();
  running.delete(element);
}

let waiting: (() => void)[] = [];

/** Svelte measures one row after the other: a write in between would have the page laid out for each of them. */
function afterAllMeasured(write: () => void): void {
  if (!waiting.length)
    queueMicrotask(() => {
      const writes = waiting;
      waiting = [];
      for (const each of writes) each();
    });
  waiting.push(write);
}

/** For `animate:`. Svelte has nothing to draw: hence no duration. */
export function glide(
  node: Element,
  { from, to }: { from: DOMRect; to: DOMRect },
  { duration }: { duration: number },
): { duration: 0 } {
  // Both were measured with the same glide still going on, so it cancels out.
  const moved = from.top - to.top;
  const seen = moved + shiftOf(node);
  const unseen = (rect: DOMRect) => rect.bottom < 0 || rect.top > innerHeight;
  const visible = duration > 0 && !(unseen(from) && unseen(to));
  if (!visible) afterAllMeasured(() => stop(node));
  else if (moved) afterAllMeasured(() => start(node, seen, 0, duration));
  return { duration: 0 };
}
