/** One audio element with its own loudness and fades; two of them overlap at a change of songs. */

/** Fades are drawn in steps of this length where there is no audio graph (ms). */
const STEP = 40;

export class Deck {
  /** The play whose sound this is, or null. */
  play: number | null = null;
  private fader: GainNode | null = null;
  /** The factor that was asked for last. */
  target = 1;
  private level = 1;
  private master = 1;
  private timer: ReturnType<typeof setInterval> | undefined;
  private leaving: ReturnType<typeof setTimeout> | undefined;

  /** `local`: its sound comes from this server, so an analyser may listen to it. */
  constructor(
    readonly audio: HTMLAudioElement,
    readonly local: boolean,
  ) {}

  get busy(): boolean {
    return this.play !== null || this.leaving !== undefined;
  }

  /** Sends the sound through the audio graph; once. */
  wire(context: AudioContext, into: AudioNode): void {
    if (this.fader) return;
    this.fader = new GainNode(context);
    context.createMediaElementSource(this.audio).connect(this.fader).connect(into);
  }

  /** Gets `url` ready to sound; what was got ready before is not fetched again. */
  load(url: string): void {
    this.stopLeaving();
    if (this.audio.src === url && !this.audio.error) return;
    this.audio.src = url;
    this.audio.preload = 'auto';
  }

  /** `gain` as a factor, reached within `seconds`. */
  fadeTo(gain: number, seconds: number): void {
    clearInterval(this.timer);
    this.target = gain;
    if (this.fader) {
      const { gain: param, context } = { gain: this.fader.gain, context: this.fader.context };
      const now = context.currentTime;
      param.cancelScheduledValues(now);
      param.setValueAtTime(param.value, now);
      param.linearRampToValueAtTime(gain, now + Math.max(0.01, seconds));
      this.level = gain;
    } else this.fadeByHand(gain, seconds);
    this.audio.dataset.gain = gain.toFixed(3);
  }

  /** The volume of the room, for a sound outside the graph. */
  setMaster(master: number): void {
    if (this.fader || master === this.master) return;
    this.master = master;
    this.apply();
  }

  private fadeByHand(gain: number, seconds: number): void {
    const [from, steps] = [this.level, Math.max(1, Math.round((seconds * 1000) / STEP))];
    let step = 0;
    const next = () => {
      this.level = from + ((gain - from) * ++step) / steps;
      this.apply();
      if (step >= steps) clearInterval(this.timer);
    };
    next();
    if (steps > 1) this.timer = setInterval(next, STEP);
  }

  private apply(): void {
    this.audio.volume = Math.max(0, Math.min(1, this.level * this.master));
  }

  /** Fades out and is free again after `seconds`. */
  leave(seconds: number): void {
    this.play = null;
    if (this.audio.paused || seconds <= 0) return this.unload();
    this.fadeTo(0, seconds);
    this.leaving = setTimeout(() => this.unload(), seconds * 1000 + STEP);
  }

  private stopLeaving(): void {
    clearTimeout(this.leaving);
    this.leaving = undefined;
  }

  unload(): void {
    this.stopLeaving();
    clearInterval(this.timer);
    this.play = null;
    this.audio.pause();
    if (!this.audio.getAttribute('src')) return;
    this.audio.removeAttribute('src');
    this.audio.load();
  }
}
