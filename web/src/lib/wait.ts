/** How long a queued song has to wait; pure. */
import type { Playing } from './wire';
import { positionAt } from './clock';

/** Seconds until each row of the queue starts, in order. */
export function waits(
  queue: readonly { duration: number }[],
  playing: Playing | null,
  now: number,
): number[] {
  let sum = playing ? playing.song.duration - positionAt(playing, now) / 1000 : 0;
  return queue.map(({ duration }) => {
    const wait = sum;
    sum += duration;
    return wait;
  });
}
