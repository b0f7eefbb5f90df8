/** How to bring a playing sound onto the room's clock: leave it, nudge its rate, or jump; pure. */

/** Below this nobody hears a difference between two speakers (s). */
const CLOSE_ENOUGH = 0.012;
/** Beyond this a nudge would take too long to catch up (s). */
const TOO_FAR = 0.4;
/** The most a rate may differ before people hear it. */
const MOST_NUDGE = 0.03;
/** A gap is closed in about this time (s). */
const CLOSE_IN = 2;
/** After a jump the decoder needs a moment; another one would only stutter (ms). */
const JUMP_PAUSE = 2_000;

export type Steering = { rate: number } | { jump: number };

/** `target` and `actual` in seconds; `sinceJump` in ms. */
export function steer(target: number, actual: number, sinceJump: number): Steering {
  const behind = target - actual;
  const distance = Math.abs(behind);
  if (distance <= CLOSE_ENOUGH) return { rate: 1 };
  if (distance > TOO_FAR && sinceJump > JUMP_PAUSE) return { jump: target };
  return { rate: 1 + Math.max(-MOST_NUDGE, Math.min(MOST_NUDGE, behind / CLOSE_IN)) };
}
