/** The audio graph of the stage: all decks into one analyser, then the room's volume. */
import type { Deck } from './deck';

/** Without permission a context just stays suspended (ms). */
const PATIENCE = 300;

export class Graph {
  analyser: AnalyserNode | null = null;
  private context: AudioContext | null = null;
  private volume: GainNode | null = null;

  constructor(private readonly interrupted: () => void) {}

  /** Whether sound is allowed now; the first time it connects the decks. */
  async unlock(decks: Deck[]): Promise<boolean> {
    this.context ??= new AudioContext();
    if (!(await this.resume())) return false;
    if (!this.analyser) {
      this.analyser = new AnalyserNode(this.context, { fftSize: 256, smoothingTimeConstant: 0.82 });
      this.volume = new GainNode(this.context);
      // The analyser listens before the volume, so a quiet room still has a lively screen.
      this.analyser.connect(this.volume).connect(this.context.destination);
      for (const deck of decks) deck.wire(this.context, this.analyser);
      this.context.addEventListener('statechange', () => {
        if (this.context?.state !== 'running') this.interrupted();
      });
    }
    return true;
  }

  async resume(): Promise<boolean> {
    const { context } = this;
    if (!context) return false;
    await Promise.race([
      context.resume().catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, PATIENCE)),
    ]);
    return context.state === 'running';
  }

  /** Eased, a change does not click. */
  setVolume(level: number): void {
    if (this.context) this.volume?.gain.setTargetAtTime(level, this.context.currentTime, 0.05);
  }
}
