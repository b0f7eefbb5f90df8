/** What a screen that hangs on a wall for a night needs: it stays awake, and no pixel shows the same for hours. */

/** Keeps the display on for as long as the page is visible. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | undefined;
  let over = false;
  const request = () => {
    if (over || document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    // Refused on a low battery or without a secure origin: then the system's own setting decides.
    navigator.wakeLock.request('screen').then(
      (granted) => {
        if (over) void granted.release();
        else lock = granted;
      },
      () => undefined,
    );
  };
  request();
  document.addEventListener('visibilitychange', request);
  return () => {
    over = true;
    document.removeEventListener('visibilitychange', request);
    void lock?.release();
  };
}

const DRIFT_EVERY = 20_000;
/** How far the picture wanders, as a share of the shorter side. */
const DRIFT_REACH = 0.006;

/** Lets an element wander slowly around its place, against burn-in. */
export function drift(element: HTMLElement): () => void {
  let step = 0;
  const move = () => {
    step++;
    const reach = DRIFT_REACH * Math.min(innerWidth, innerHeight);
    // Two rates that never meet: over an hour the whole small field is visited.
    const [x, y] = [Math.sin(step * 0.9) * reach, Math.cos(step * 0.37) * reach];
    element.style.transition = `translate ${DRIFT_EVERY}ms linear`;
    element.style.translate = `${x.toFixed(1)}px ${y.toFixed(1)}px`;
  };
  const timer = setInterval(move, DRIFT_EVERY);
  return () => clearInterval(timer);
}
