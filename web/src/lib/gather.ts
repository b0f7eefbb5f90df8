/** Gathers what arrives between two frames of the screen, to be shown at once. */

/** A covered window may get no frames at all; what arrived is shown after this time anyway (ms). */
const LATEST = 250;

export interface Frames {
  /** Nobody looks: nothing is gathered. */
  hidden: () => boolean;
  /** Calls once, with the next frame or after so many ms; returns how to call it off. */
  next: (run: () => void, latest: number) => () => void;
}

export const browserFrames: Frames = {
  hidden: () => document.hidden,
  next: (run, latest) => {
    const frame = requestAnimationFrame(run);
    const timer = setTimeout(run, latest);
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  },
};

export class Gatherer<T> {
  private waiting: T[] = [];
  private callOff: (() => void) | null = null;

  constructor(
    private readonly show: (gathered: T[]) => void,
    private readonly frames: Frames = browserFrames,
  ) {}

  add(one: T): void {
    this.waiting.push(one);
    if (this.frames.hidden()) this.flush();
    else this.callOff ??= this.frames.next(() => this.flush(), LATEST);
  }

  /** Shows now what has been gathered, in the order in which it came. */
  flush(): void {
    this.callOff?.();
    this.callOff = null;
    const gathered = this.waiting;
    this.waiting = [];
    if (gathered.length) this.show(gathered);
  }
}
