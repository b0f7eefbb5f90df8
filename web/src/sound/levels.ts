/** Measures songs of this server before they play, one at a time, and remembers how far to turn each. */
import { gainFor, measure } from './loudness';

/** Decoded at a low rate a long song still fits into the memory of a small computer (Hz). */
const RATE = 8_000;
/** Larger files are left as they are (bytes). */
const MOST_BYTES = 40_000_000;
const REMEMBERED = 300;

export class Levels {
  private readonly known = new Map<string, number>();
  private busy: string | null = null;

  /** The factor for a song's sound, or undefined while it is not known. */
  of(url: string): number | undefined {
    return this.known.get(url);
  }

  /** Measures `url` unless that is done or something else is being measured. */
  prepare(url: string): void {
    if (this.busy || this.known.has(url)) return;
    this.busy = url;
    void this.read(url)
      .catch(() => 1)
      .then((factor) => {
        if (this.known.size >= REMEMBERED) this.known.delete(this.known.keys().next().value!);
        this.known.set(url, factor);
        this.busy = null;
      });
  }

  private async read(url: string): Promise<number> {
    const response = await fetch(url, { priority: 'low' });
    const size = Number(response.headers.get('content-length') ?? 0);
    if (!response.ok || size > MOST_BYTES) {
      void response.body?.cancel();
      return 1;
    }
    const context = new OfflineAudioContext(1, 1, RATE);
    const sound = await context.decodeAudioData(await response.arrayBuffer());
    const channels = Array.from({ length: sound.numberOfChannels }, (_, at) => sound.getChannelData(at));
    return gainFor(measure(channels, sound.sampleRate));
  }
}
