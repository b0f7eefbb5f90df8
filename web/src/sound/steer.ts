/** How to bring a playing sound onto the room's clock: leave it, nudge its rate, or jump; pure. */

/** Below this nobody hears a difference between two speakers (s). */
const CLOSE_ENOUGH = 0.008;
/** Beyond this a nudge would take too long to catch up (s). */
export const TOO_FAR = 0.25;
/** The most a rate may differ before people hear it. */
export const MOST_NUDGE = 0.02;
/** The most a rate changes from one look to the next: a bend nobody notices, not a step. */
const BEND = 0.006;
/** A gap is closed in about this time (s). */
const CLOSE_IN = 2.5;
/** After a jump the decoder needs a moment; another one would only stutter (ms). */
const JUMP_PAUSE = 1_500;

export type Steering = { rate: number } | { jump: number };

/** `target` and `actual` in seconds, `rate` as it is now, the time since the last jump in ms. */
export function steer(target: number, actual: number, rate: number, sinceJump: number): Steering {
  const behind = target - actual;
  if (Math.abs(behind) > TOO_FAR && sinceJump > JUMP_PAUSE) return { jump: target };
  const wanted = Math.abs(behind) <= CLOSE_ENOUGH ? 0 : clamp(behind / CLOSE_IN, MOST_NUDGE);
  const now = rate - 1;
  return { rate: 1 + now + clamp(wanted - now, BEND) };
}

const clamp = (value: number, most: number) => Math.max(-most, Math.min(most, value));
