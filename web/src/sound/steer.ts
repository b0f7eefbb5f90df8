/** How to bring a playing sound onto the room's clock: leave it, nudge its rate, or jump; pure. */

/** Below this nobody hears a difference between two speakers (s). */
const CLOSE_ENOUGH = 0.008;
/** Beyond this a nudge would take too long to catch up (s). */
export const TOO_FAR = 0.25;
/** The most a rate may differ before people hear it, when the pitch is kept. */
export const MOST_NUDGE = 0.02;
/** A pitch that is so little off, and slid into, is not heard (a sixth of a semitone). */
export const MOST_BENT = 0.01;
/** Gaps up to this are closed with the gentler nudge (s). */
const SMALL = 0.06;
/** The most a rate changes from one look to the next: a bend nobody notices, not a step. */
const BEND = 0.004;
/** A gap is closed in about this time (s). */
const CLOSE_IN = 2.5;
/** After a jump the decoder needs a moment; another one would only stutter (ms). */
const JUMP_PAUSE = 1_500;

export type Steering = { rate: number } | { jump: number };

/** `target` and `actual` in seconds, `rate` as it is now, the time since the last jump in ms. */
export function steer(target: number, actual: number, rate: number, sinceJump: number): Steering {
  const behind = target - actual;
  if (Math.abs(behind) > TOO_FAR && sinceJump > JUMP_PAUSE) return { jump: target };
  const most = Math.abs(behind) <= SMALL ? MOST_BENT : MOST_NUDGE;
  const wanted = Math.abs(behind) <= CLOSE_ENOUGH ? 0 : clamp(behind / CLOSE_IN, most);
  const now = rate - 1;
  return { rate: 1 + now + clamp(wanted - now, BEND) };
}

/**
 * Whether the pitch is to be kept at this rate.
 *
 * Keeping it makes browsers cut and overlap pieces of the sound, and each time that begins or ends the sound slips by
 * up to 20 ms (seen in Chromium): small corrections would never come to rest.
 */
export const keepsPitch = (rate: number): boolean => Math.abs(rate - 1) > MOST_BENT + 1e-9;

const clamp = (value: number, most: number) => Math.max(-most, Math.min(most, value));
