/** How to bring a playing sound onto the room's clock: leave it, nudge its rate, or jump; pure. */

/** Below this nobody hears a difference between two speakers (s). */
const CLOSE_ENOUGH = 0.012;
/** Beyond this a nudge would take too long to catch up; at a song's start nobody minds a jump (s). */
const TOO_FAR = 0.3;
const TOO_FAR_AT_START = 0.06;
const START = 5_000;
/** The most a rate may differ before people hear it. */
const MOST_NUDGE = 0.03;
/** A gap is closed in about this time (s). */
const CLOSE_IN = 2;
/** After a jump the decoder needs a moment; another one would only stutter (ms). */
const JUMP_PAUSE = 2_000;
const JUMP_PAUSE_AT_START = 700;

export type Steering = { rate: number } | { jump: number };

/** `target` and `actual` in seconds; the time since the last jump and since the sound began in ms. */
export function steer(target: number, actual: number, sinceJump: number, sinceStart: number): Steering {
  const behind = target - actual;
  const distance = Math.abs(behind);
  if (distance <= CLOSE_ENOUGH) return { rate: 1 };
  const starting = sinceStart < START;
  const patience = starting ? JUMP_PAUSE_AT_START : JUMP_PAUSE;
  if (distance > (starting ? TOO_FAR_AT_START : TOO_FAR) && sinceJump > patience) return { jump: target };
  return { rate: 1 + Math.max(-MOST_NUDGE, Math.min(MOST_NUDGE, behind / CLOSE_IN)) };
}
