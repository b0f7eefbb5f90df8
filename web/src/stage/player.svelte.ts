/** The sound of the stage: one audio element placed on the room's clock, and an analyser that listens to it. */
import { audioUrl, below } from '../lib/base';
import { positionAt } from '../lib/clock';
import type { Session } from '../lib/session.svelte';
import type { Playing } from '../lib/wire';
import { steer } from './steer';

/** A song that makes no sound by then cannot be played; the room must not wait longer than 3 s in all (ms). */
const START_WITHIN = 2_500;
const STEER_EVERY = 250;
/** A song this close to its end is not worth starting (s). */
const TOO_LATE = 0.25;
const RETRY_REPORT = 1_000;

export class Player {
  /** The sound may be heard: the browser allows it, and it was asked for or needed no asking. */
  started = $state(false);
  /** The browser wants a tap first. */
  needsTap = $state(false);
  analyser: AnalyserNode | null = null;
  private context: AudioContext | null = null;
  private gain: GainNode | null = null;
  private loaded: number | null = null;
  private reported: number | null = null;
  private startTimer: ReturnType<typeof setTimeout> | undefined;
  /** This play has made a sound: from here on silence is buffering, not failure. */
  private begun = false;
  private begunAt = 0;
  private jumpedAt = 0;
  private audio: HTMLAudioElement;

  /**
   * `local` plays what this server has, through the analyser. A sound from elsewhere would be muted by an
   * analyser that may not read it, so `foreign` plays those directly.
   */
  constructor(
    private readonly session: Session,
    private readonly local: HTMLAudioElement,
    private readonly foreign: HTMLAudioElement,
  ) {
    this.audio = local;
    for (const audio of [local, foreign]) {
      const mine = (then: () => void) => () => {
        if (audio === this.audio && audio.getAttribute('src')) then();
      };
      audio.addEventListener(
        'ended',
        mine(() => this.report('end')),
      );
      audio.addEventListener(
        'error',
        mine(() => this.report('error')),
      );
      audio.addEventListener(
        'playing',
        mine(() => this.hasBegun()),
      );
    }
  }

  private hasBegun(): void {
    if (!this.begun) this.begunAt = performance.now();
    this.begun = true;
    this.stopWaiting();
  }

  private stopWaiting(): void {
    clearTimeout(this.startTimer);
    this.startTimer = undefined;
  }

  /** Starts by itself where the browser permits; otherwise says that a tap is needed. */
  async tryStart(): Promise<void> {
    if (!(await this.unlock())) this.needsTap = true;
  }

  /** From within a tap. */
  async start(): Promise<void> {
    if (await this.unlock()) this.needsTap = false;
  }

  private async unlock(): Promise<boolean> {
    this.context ??= new AudioContext();
    // Without permission this promise just stays open.
    await Promise.race([this.context.resume(), new Promise((resolve) => setTimeout(resolve, 300))]);
    if (this.context.state !== 'running') return false;
    if (!this.analyser) {
      this.analyser = new AnalyserNode(this.context, { fftSize: 256, smoothingTimeConstant: 0.82 });
      this.gain = new GainNode(this.context);
      const source = this.context.createMediaElementSource(this.local);
      // The analyser listens before the volume, so a quiet room still has a lively screen.
      source.connect(this.analyser).connect(this.gain).connect(this.context.destination);
    }
    this.started = true;
    this.follow();
    return true;
  }

  /** Called whenever what plays, its pause or the volume may have changed. */
  follow(): void {
    if (!this.started) return;
    const playing = this.session.playing;
    this.setVolume((this.session.view?.room.volume ?? 100) / 100);
    if (!playing) return this.silence();
    if (playing.play !== this.loaded) this.load(playing);
    else if (playing.play !== this.reported) this.place(playing);
  }

  private setVolume(share: number): void {
    // Ears are not linear: squared, half way on the slider sounds half as loud. Eased, it does not click.
    const level = share ** 2;
    if (this.context) this.gain?.gain.setTargetAtTime(level, this.context.currentTime, 0.05);
    this.foreign.volume = level;
  }

  /** Keeps the sound on the clock; run it for as long as the stage is up. */
  run(): () => void {
    const timer = setInterval(() => this.follow(), STEER_EVERY);
    return () => clearInterval(timer);
  }

  private load(playing: Playing): void {
    this.unload();
    this.loaded = playing.play;
    const url = audioUrl(playing.song.uri);
    if (!url) return this.report('error');
    const here = url.startsWith(below(''));
    this.audio = here ? this.local : this.foreign;
    this.local.id = here ? 'audio' : 'audio-idle';
    this.foreign.id = here ? 'audio-idle' : 'audio';
    this.audio.src = url;
    this.place(playing);
  }

  private place(playing: Playing): void {
    const { audio } = this;
    const target = positionAt(playing, this.session.serverNow()) / 1000;
    if (playing.paused_at !== null) {
      this.stopWaiting();
      if (!audio.paused) audio.pause();
      if (Math.abs(audio.currentTime - target) > 0.05) audio.currentTime = target;
      return;
    }
    if (target > audio.duration - TOO_LATE) {
      if (target > audio.duration || audio.paused) this.report('end');
      return;
    }
    if (audio.paused) {
      this.jump(target);
      void audio.play().catch((error: unknown) => this.playFailed(error, playing.play));
      if (!this.begun) this.startTimer ??= setTimeout(() => this.stalled(playing.play), START_WITHIN);
      return;
    }
    // A file that is longer than its label has left the clock behind; the room ends it.
    if (target >= playing.song.duration) return;
    if (audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA || audio.seeking) return;
    const now = performance.now();
    const steering = steer(target, audio.currentTime, now - this.jumpedAt, now - this.begunAt);
    if ('jump' in steering) this.jump(steering.jump);
    else if (audio.playbackRate !== steering.rate) audio.playbackRate = steering.rate;
  }

  private jump(target: number): void {
    this.audio.playbackRate = 1;
    this.jumpedAt = performance.now();
    if (Math.abs(this.audio.currentTime - target) > 0.02) this.audio.currentTime = target;
  }

  private stalled(play: number): void {
    this.startTimer = undefined;
    if (this.loaded !== play || this.begun || this.session.playing?.paused_at !== null) return;
    // With the line to the server down, the song is not to blame.
    if (this.session.status === 'live') this.report('error');
  }

  private playFailed(error: unknown, play: number): void {
    if (this.loaded !== play || !(error instanceof DOMException)) return;
    if (error.name === 'NotAllowedError') {
      this.stopWaiting();
      this.started = false;
      this.needsTap = true;
    } else if (error.name === 'NotSupportedError') this.report('error');
  }

  private report(reason: 'end' | 'error'): void {
    this.stopWaiting();
    const play = this.loaded;
    if (play === null || this.reported === play || this.session.playing?.play !== play) return;
    this.reported = play;
    void this.session.ask({ op: 'ended', play, reason }).then((accepted) => {
      if (accepted) return;
      // Refused or lost, yet the same play may still be on: say it again rather than stay silent.
      setTimeout(() => {
        if (this.reported === play) this.reported = null;
      }, RETRY_REPORT);
    });
  }

  private silence(): void {
    if (this.loaded !== null) this.unload();
  }

  private unload(): void {
    this.stopWaiting();
    this.loaded = this.reported = null;
    this.begun = false;
    this.jumpedAt = 0;
    for (const audio of [this.local, this.foreign]) {
      audio.pause();
      audio.removeAttribute('src');
      audio.load();
    }
  }
}
