/** Server time estimated from pings, and where a song is at a given server time; pure. */
import type { Playing } from './wire';

/** Samples that are remembered; enough to ride out a burst of slow ones. */
const KEEP = 40;
/** An old sample, however quick, says nothing about a clock that has drifted since (ms). */
const MAX_AGE = 90_000;
/** Two clocks may run apart by as much (ms in a ms); what a sample said grows vaguer with its age. */
const DRIFT = 0.0003;
/** The server tells whole milliseconds, cut off. */
const GRAIN = 1;

interface Sample {
  at: number;
  /** The offset is no less and no more than this (ms). */
  least: number;
  most: number;
}

/** All times in ms; `local` is any steady clock of this browser. */
export class ServerClock {
  /** The newest first. */
  private samples: Sample[] = [];
  offset = 0;

  /** A first, one-way guess, as good as half the network's delay. */
  guess(local: number, server: number): void {
    if (!this.samples.length) this.offset = server - local;
  }

  /**
   * A ping sent at `sent` was answered with the server's time `server` and came back at `received`.
   *
   * The server looked at its clock between the two, so each sample gives bounds, and what all samples allow is
   * narrower than what any of them does: its middle is wrong only by half of how much quicker the quickest way there
   * was than the quickest way back, and those two need not have been one round trip's.
   */
  sample(sent: number, server: number, received: number): void {
    if (!(received >= sent)) return;
    const kept = this.samples.filter((sample) => received - sample.at < MAX_AGE).slice(0, KEEP - 1);
    this.samples = [{ at: received, least: server - received, most: server + GRAIN - sent }, ...kept];
    let [least, most] = [-Infinity, Infinity];
    for (const [index, sample] of this.samples.entries()) {
      const vague = (received - sample.at) * DRIFT;
      const both = [Math.max(least, sample.least - vague), Math.min(most, sample.most + vague)] as const;
      if (both[0] > both[1]) {
        // No offset suits them all: a clock was set, and the older ones speak of before.
        this.samples.length = index;
        break;
      }
      [least, most] = both;
    }
    this.offset = (least + most) / 2;
  }

  /** After a sleep the steady clock may have stood still: nothing measured before counts. */
  forget(): void {
    this.samples = [];
  }

  now(local: number): number {
    return local + this.offset;
  }
}

/** Position in the song in ms at server time `now`, within its length. */
export function positionAt(playing: Playing, now: number): number {
  const position = playing.position + (playing.paused_at ?? now) - playing.started_at;
  return Math.max(0, Math.min(position, playing.song.duration * 1000));
}
