/** Server time estimated from pings, and where a song is at a given server time; pure. */
import type { Playing } from './wire';

/** Samples that compete for the lowest round trip; enough to ride out a burst of slow ones. */
const KEEP = 40;
/** An old sample, however quick, says nothing about a clock that has drifted since (ms). */
const MAX_AGE = 90_000;
/** Round trips this close to the best are as good as the best; their middle is better than any one of them. */
const AS_GOOD = 1.5;
/** Round trips are never told apart finer than this (ms). */
const GRAIN = 2;

interface Sample {
  at: number;
  roundTrip: number;
  offset: number;
}

/** All times in ms; `local` is any steady clock of this browser. */
export class ServerClock {
  private samples: Sample[] = [];
  private rough = 0;

  /** A first, one-way guess, as good as half the network's delay. */
  guess(local: number, server: number): void {
    this.rough = server - local;
  }

  /** A ping sent at `sent` was answered with the server's time `server` and came back at `received`. */
  sample(sent: number, server: number, received: number): void {
    const roundTrip = received - sent;
    if (!(roundTrip >= 0)) return;
    const kept = this.samples.filter((sample) => received - sample.at < MAX_AGE).slice(1 - KEEP);
    this.samples = [...kept, { at: received, roundTrip, offset: server - (sent + received) / 2 }];
  }

  /** After a sleep the steady clock may have stood still: nothing measured before counts. */
  forget(): void {
    this.rough = this.offset;
    this.samples = [];
  }

  /** How far the estimate may be off at most (ms); infinite before the first ping came back. */
  get doubt(): number {
    return this.samples.length ? Math.min(...this.samples.map((sample) => sample.roundTrip)) / 2 : Infinity;
  }

  get offset(): number {
    if (!this.samples.length) return this.rough;
    const best = Math.min(...this.samples.map((sample) => sample.roundTrip));
    const good = this.samples.filter(({ roundTrip }) => roundTrip <= best * AS_GOOD + GRAIN);
    const sorted = good.map(({ offset }) => offset).sort((a, b) => a - b);
    return sorted[sorted.length >> 1]!;
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
