/** A row that a thumb can push aside: to the right for one thing, to the left for another. */

/** The finger has to go this far before it counts, and this far to mean it (px). */
const SLOP = 12;
const MEANT = 76;
const FARTHEST = 110;

export interface SwipeActions {
  right: () => void;
  left: (() => void) | undefined;
}

/** An attachment; sets `--swipe` (px) and data-swipe="right|left" while the finger is down. Only for touch. */
export function swipe(actions: () => SwipeActions | undefined) {
  return (element: HTMLElement): (() => void) => {
    let from: { x: number; y: number; id: number } | undefined;
    let moving = false;
    const settle = () => {
      from = undefined;
      moving = false;
      element.style.removeProperty('--swipe');
      delete element.dataset.swipe;
    };
    const down = (event: PointerEvent) => {
      if (event.pointerType !== 'touch' || !event.isPrimary || !actions()) return;
      from = { x: event.clientX, y: event.clientY, id: event.pointerId };
    };
    const move = (event: PointerEvent) => {
      if (!from || event.pointerId !== from.id) return;
      const [x, y] = [event.clientX - from.x, event.clientY - from.y];
      if (!moving) {
        if (Math.abs(y) > SLOP) return settle();
        if (Math.abs(x) < SLOP) return;
        moving = true;
        element.setPointerCapture(event.pointerId);
      }
      const least = actions()?.left ? -FARTHEST : 0;
      const shift = Math.max(least, Math.min(FARTHEST, x));
      element.style.setProperty('--swipe', `${shift}px`);
      if (Math.abs(shift) >= MEANT) element.dataset.swipe = shift > 0 ? 'right' : 'left';
      else delete element.dataset.swipe;
    };
    const up = () => {
      const meant = element.dataset.swipe;
      const act = actions();
      settle();
      if (meant === 'right') act?.right();
      else if (meant === 'left') act?.left?.();
    };
    // What began as a push must not end as a tap.
    const click = (event: MouseEvent) => {
      if (!moving) return;
      event.preventDefault();
      event.stopPropagation();
    };
    element.addEventListener('pointerdown', down);
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerup', up);
    element.addEventListener('pointercancel', settle);
    element.addEventListener('click', click, { capture: true });
    return () => {
      element.removeEventListener('pointerdown', down);
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerup', up);
      element.removeEventListener('pointercancel', settle);
      element.removeEventListener('click', click, { capture: true });
    };
  };
}
