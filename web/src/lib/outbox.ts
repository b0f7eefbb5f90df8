/** Commands that have no answer yet, kept in order and sent again with the same id after a resume; pure. */
import type { Do, Op } from './wire';

/** As many as the server remembers answers for: beyond it, a repeat could apply twice. */
export const MAX_WAITING = 64;
/** The server forgets answers after ten minutes; give up a little earlier (ms). */
const MAX_AGE = 9 * 60_000;
/** Nobody wants a pause they asked for long ago (ms). */
const MAX_AGE_PLAYBACK = 10_000;
/** Repeats after `unavailable` before we tell the person. */
const MAX_REPEATS = 5;

const PLAYBACK = new Set<Op['op']>(['pause', 'resume', 'seek', 'volume', 'play_next', 'skip']);

interface Waiting {
  frame: Do;
  since: number;
  repeats: number;
}

export class Outbox {
  private waiting: Waiting[] = [];

  get size(): number {
    return this.waiting.length;
  }

  /** Takes a command; false when there is no room for it. Returns ids that it makes pointless, too. */
  put(frame: Do, now: number, sentAlready: boolean): { taken: boolean; replaced: string[] } {
    const replaced = sentAlready ? [] : this.dropSuperseded(frame);
    if (this.waiting.length >= MAX_WAITING) return { taken: false, replaced };
    this.waiting.push({ frame, since: now, repeats: 0 });
    return { taken: true, replaced };
  }

  /** Offline, a second vote for a song or a second volume replaces the first. */
  private dropSuperseded(frame: Do): string[] {
    const same = (other: Do) =>
      (frame.op === 'vote' && other.op === 'vote' && frame.song_id === other.song_id) ||
      (frame.op === other.op && (frame.op === 'volume' || frame.op === 'seek' || frame.op === 'rename'));
    const gone = this.waiting.filter((entry) => same(entry.frame));
    this.waiting = this.waiting.filter((entry) => !gone.includes(entry));
    return gone.map((entry) => entry.frame.id);
  }

  /** The answer has come. */
  settle(id: string): void {
    this.waiting = this.waiting.filter((entry) => entry.frame.id !== id);
  }

  /** The outcome is unknown: true when the command should be sent once more. */
  repeat(id: string): boolean {
    const entry = this.waiting.find((candidate) => candidate.frame.id === id);
    return entry !== undefined && ++entry.repeats <= MAX_REPEATS;
  }

  frame(id: string): Do | undefined {
    return this.waiting.find((entry) => entry.frame.id === id)?.frame;
  }

  /** What to send after a resume, and what has become too old to be wanted. */
  resend(now: number): { send: Do[]; expired: string[] } {
    const old = ({ frame, since }: Waiting) =>
      now - since > (PLAYBACK.has(frame.op) ? MAX_AGE_PLAYBACK : MAX_AGE);
    const expired = this.waiting.filter(old).map((entry) => entry.frame.id);
    this.waiting = this.waiting.filter((entry) => !old(entry));
    return { send: this.waiting.map((entry) => entry.frame), expired };
  }
}
