/** How loud a song is as a whole, and by how much to turn it so that all songs sound alike; pure. */

/** Where songs are brought to (dB below full scale, as ears weigh it). */
export const TARGET = -16;
/** A quiet song is lifted less than a loud one is lowered: what is lifted may clip, and hisses. */
const MOST_LIFT = 6;
const MOST_CUT = -14;
/** Blocks as long as ears average over (s). */
const BLOCK = 0.4;
/** Quieter blocks are silence, not music (dB). */
const SILENCE = -70;
/** Blocks this far below the rest are its pauses (dB). */
const PAUSE = -10;
/** Deep tones count less than ears would suggest from their power (Hz). */
const DEEP = 60;

export interface Loudness {
  /** dB; minus infinity for silence. */
  loudness: number;
  /** 0 to 1. */
  peak: number;
}

const toDb = (power: number) => 10 * Math.log10(power);

/** Gated loudness of all `channels` (samples −1 to 1) together, after a gentle high-pass. */
export function measure(channels: readonly Float32Array[], rate: number): Loudness {
  const size = Math.round(BLOCK * rate);
  const length = channels[0]?.length ?? 0;
  const blocks = new Float64Array(Math.ceil(length / size) || 1);
  const keep = Math.exp((-2 * Math.PI * DEEP) / rate);
  let peak = 0;
  for (const channel of channels) {
    let [before, low] = [0, 0];
    for (let at = 0; at < length; at++) {
      const sample = channel[at]!;
      if (sample > peak) peak = sample;
      else if (-sample > peak) peak = -sample;
      low = keep * (low + sample - before);
      before = sample;
      blocks[(at / size) | 0]! += low * low;
    }
  }
  const powers = Array.from(blocks, (sum) => sum / size).filter((power) => toDb(power) > SILENCE);
  if (!powers.length) return { loudness: -Infinity, peak };
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const gate = toDb(mean(powers)) + PAUSE;
  return { loudness: toDb(mean(powers.filter((power) => toDb(power) > gate))), peak };
}

/** The factor that brings a song to the target, within reason and without clipping. */
export function gainFor({ loudness, peak }: Loudness): number {
  if (!Number.isFinite(loudness)) return 1;
  const factor = 10 ** (Math.max(MOST_CUT, Math.min(MOST_LIFT, TARGET - loudness)) / 20);
  return peak > 0 && factor > 1 ? Math.max(1, Math.min(factor, 0.98 / peak)) : factor;
}
