/** Rows that glide to their new place: two keyframes each, and only where somebody can see it. */

const EASE = 'cubic-bezier(0.22, 1, 0.36, 1)';
const running = new WeakMap<Element, Animation>();

interface Move {
  from: DOMRect;
  to: DOMRect;
}

/** For `animate:`. The browser moves the row by itself, so Svelte has nothing to draw: hence no duration. */
export function glide(
  node: Element,
  { from, to }: Move,
  { duration }: { duration: number },
): { duration: 0 } {
  const [x, y] = [from.left - to.left, from.top - to.top];
  const unseen = (rect: DOMRect) => rect.bottom < 0 || rect.top > innerHeight;
  running.get(node)?.cancel();
  running.delete(node);
  if (duration && (x || y) && !(unseen(from) && unseen(to))) {
    const keyframes = [{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }];
    running.set(node, node.animate(keyframes, { duration, easing: EASE }));
  }
  return { duration: 0 };
}
