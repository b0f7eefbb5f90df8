/** The sound of a stage or of a listening phone: audio elements placed on the room's clock, changing softly. */
import { audioUrl, below } from '../lib/base';
import { positionAt } from '../lib/clock';
import type { Session } from '../lib/session.svelte';
import type { Playing } from '../lib/wire';
import { Deck } from './deck';
import { Graph } from './graph';
import { Levels } from './levels';
import { keepsPitch, steer } from './steer';

/** A song that makes no sound by then cannot be played; the room must not wait longer than 3 s in all (ms). */
const START_WITHIN = 2_500;
const STEER_EVERY = 200;
/** A song this close to its end is not worth starting (s). */
const TOO_LATE = 0.25;
const RETRY_REPORT = 1_000;
/** With other speakers in the room a start is set this far ahead, so that all of them are ready (s). */
const LEAD = 0.35;
/** A first guess at what passes between asking for sound and hearing it (s); then it is learned. */
const START_TAKES = 0.03;
const MOST_START = 0.3;
/** Songs overlap for this long; short ones do not (s). */
const OVERLAP = 2.5;
const OVERLAP_FROM = 30;
/** A skipped song goes quickly, but not with a click (s). */
const CUT = 0.3;
/** So much of a song's beginning nobody misses, and so late a start is still caught up with soon (s). */
const UNHEARD = 0.06;
const FADE_IN = 0.15;
const SLOW_TURN = 3;
/** A sound that broke off is fetched again after this long, so many times, before its song is given up (ms). */
const MEND_AFTER = 700;
const MENDS = 2;

export interface PlayerOptions {
  /** Through the audio graph: visualiser, loudness, overlapping songs. Off, the sound goes on behind a lock screen. */
  graph: boolean;
  /** Speaks for the room: says when a song has ended. A listener only follows. */
  leads: () => boolean;
}

export class Player {
  /** The sound may be heard: the browser allows it, and it was asked for or needed no asking. */
  started = $state(false);
  /** The browser wants a tap first. */
  needsTap = $state(false);
  private readonly graph: Graph | null;
  private readonly levels: Levels | null;
  private readonly decks: Deck[];
  private deck: Deck;
  private reported: number | null = null;
  private startTimer: ReturnType<typeof setTimeout> | undefined;
  private cueTimer: ReturnType<typeof setTimeout> | undefined;
  /** This play has made a sound: from here on silence is buffering, not failure. */
  private begun = false;
  private mended = 0;
  private mending = false;
  private jumpedAt = 0;
  private startTakes = START_TAKES;
  private learning = false;

  constructor(
    private readonly session: Session,
    local: HTMLAudioElement[],
    foreign: HTMLAudioElement,
    private readonly options: PlayerOptions,
  ) {
    this.decks = [...local.map((audio) => new Deck(audio, true)), new Deck(foreign, false)];
    this.deck = this.decks[0]!;
    this.graph = options.graph ? new Graph(() => this.interrupted()) : null;
    this.levels = options.graph ? new Levels() : null;
    for (const deck of this.decks) this.listen(deck);
  }

  get analyser(): AnalyserNode | null {
    return this.graph?.analyser ?? null;
  }

  private listen(deck: Deck): void {
    const on = (event: string, then: () => void) =>
      deck.audio.addEventListener(event, () => {
        if (deck === this.deck && deck.play !== null && deck.audio.getAttribute('src')) then();
      });
    on('ended', () => this.report('end'));
    on('error', () => this.broke());
    on('canplay', () => this.follow());
    on('playing', () => {
      this.begun = true;
      this.stopWaiting();
    });
  }

  private stopWaiting(): void {
    clearTimeout(this.startTimer);
    this.startTimer = undefined;
  }

  /** Starts by itself where the browser permits; otherwise says that a tap is needed. */
  async tryStart(): Promise<void> {
    if (!this.started && !(await this.unlock())) this.needsTap = true;
  }

  /** From within a tap. */
  async start(): Promise<void> {
    if (await this.unlock()) this.needsTap = false;
  }

  /** Silent until `start` is called again. */
  stop(): void {
    this.started = false;
    this.silence();
  }

  private async unlock(): Promise<boolean> {
    if (this.graph && !(await this.graph.unlock(this.decks.filter((deck) => deck.local)))) return false;
    this.started = true;
    this.needsTap = false;
    this.follow();
    return true;
  }

  /** The system took the sound away (a call, another device): ask for it again, with a tap if need be. */
  private interrupted(): void {
    if (!this.started) return;
    void this.graph?.resume().then((running) => {
      if (running) return;
      this.started = false;
      this.needsTap = true;
    });
  }

  /** Keeps the sound on the clock; run it for as long as the page may sound. */
  run(): () => void {
    const timer = setInterval(() => this.follow(), STEER_EVERY);
    return () => {
      clearInterval(timer);
      this.stop();
    };
  }

  /** Called whenever what plays, its pause or the volume may have changed. */
  follow(): void {
    if (!this.started) return;
    const playing = this.session.playing;
    this.setVolume((this.session.view?.room.volume ?? 100) / 100);
    if (!playing) return this.silence();
    if (playing.play !== this.deck.play) this.change(playing);
    else if (playing.play !== this.reported && !this.mending) this.place(playing);
  }

  private setVolume(share: number): void {
    // Ears are not linear: squared, half way on the slider sounds half as loud.
    const level = share ** 2;
    this.graph?.setVolume(level);
    // A listener's volume is their own affair.
    if (this.graph) for (const deck of this.decks) deck.setMaster(level);
  }

  private change(playing: Playing): void {
    this.forget();
    const old = this.deck;
    const url = audioUrl(playing.song.uri);
    const local = url?.startsWith(below('')) ?? true;
    const free = this.decks.filter((deck) => deck.local === local && deck !== old);
    this.deck =
      free.find((deck) => deck.audio.src === url) ?? free.find((deck) => !deck.busy) ?? free[0] ?? old;
    const left = old.audio.duration - old.audio.currentTime;
    if (old.play !== null) old.leave(old === this.deck ? 0 : left < OVERLAP + 1 ? Math.max(left, CUT) : CUT);
    for (const deck of this.decks)
      deck.audio.id = deck === this.deck ? 'audio' : `audio-${this.decks.indexOf(deck)}`;
    this.deck.play = playing.play;
    if (!url) return this.report('error');
    this.deck.load(url);
    this.deck.fadeTo(0, 0);
    this.place(playing);
  }

  private place(playing: Playing): void {
    const { audio } = this.deck;
    const target = positionAt(playing, this.session.serverNow()) / 1000;
    if (playing.paused_at !== null) {
      this.stopWaiting();
      this.stopCue();
      if (!audio.paused) audio.pause();
      if (Math.abs(audio.currentTime - target) > 0.05) audio.currentTime = target;
      return;
    }
    if (target > audio.duration - TOO_LATE) {
      if (target > audio.duration || audio.paused) this.report('end');
      return;
    }
    if (audio.paused) return this.cue(playing, target);
    this.lookAhead(playing);
    // A file that is longer than its label has left the clock behind; the room ends it.
    if (target >= playing.song.duration) return;
    if (audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA || audio.seeking) return;
    this.keepUp(target);
  }

  private keepUp(target: number): void {
    const { audio } = this.deck;
    if (this.learning) {
      // The first look after a start tells how long starting takes here.
      this.learning = false;
      const missed = target - audio.currentTime;
      if (Math.abs(missed) < MOST_START)
        this.startTakes = Math.max(0, Math.min(MOST_START, this.startTakes + missed * 0.6));
    }
    const steering = steer(target, audio.currentTime, audio.playbackRate, performance.now() - this.jumpedAt);
    if ('jump' in steering) this.jump(steering.jump + this.startTakes);
    else if (audio.playbackRate !== steering.rate) {
      audio.preservesPitch = keepsPitch(steering.rate);
      audio.playbackRate = steering.rate;
    }
  }

  /** Others make sound, too: then all of them have to start in the same instant. */
  private get together(): boolean {
    return !this.options.leads() || (this.session.here?.players ?? 1) > 1;
  }

  /** Puts the needle a little ahead of the clock and lets it down when the clock gets there. */
  private cue(playing: Playing, target: number): void {
    const { audio } = this.deck;
    if (!this.begun && this.session.status === 'live')
      this.startTimer ??= setTimeout(() => this.stalled(playing.play), START_WITHIN);
    if (this.cueTimer !== undefined || audio.readyState < HTMLMediaElement.HAVE_METADATA) return;
    const lead = this.together ? LEAD : 0;
    // Alone, a song that has just begun is heard from its first note; later the clock comes first.
    const start = lead || target > UNHEARD ? target + lead + this.startTakes : 0;
    this.jump(start);
    const wait = lead ? start - positionAt(playing, this.session.serverNow()) / 1000 - this.startTakes : 0;
    this.cueTimer = setTimeout(() => this.drop(playing.play, start), Math.max(0, wait * 1000));
  }

  private drop(play: number, start: number): void {
    this.cueTimer = undefined;
    const playing = this.session.playing;
    if (!this.started || playing?.play !== play || this.deck.play !== play || playing.paused_at !== null)
      return;
    const { audio } = this.deck;
    const late = positionAt(playing, this.session.serverNow()) / 1000 + this.startTakes - start;
    // Not ready in time (the file came slowly): once more, from where the clock is now.
    if (late > UNHEARD) audio.currentTime = start + late;
    this.deck.fadeTo(this.gain(playing), start > 1 ? FADE_IN * 2 : FADE_IN);
    this.learning = true;
    void audio.play().catch((error: unknown) => this.playFailed(error, play));
  }

  private stopCue(): void {
    clearTimeout(this.cueTimer);
    this.cueTimer = undefined;
  }

  private gain(playing: Playing): number {
    const url = audioUrl(playing.song.uri);
    return (url && this.levels?.of(url)) || 1;
  }

  /** Gets the next song ready, measures it, and lets it in a little before this one is over. */
  private lookAhead(playing: Playing): void {
    if (!this.levels) return;
    const { audio } = this.deck;
    if (this.deck.local) this.levels.prepare(audio.src);
    // Measured only now: nobody notices a slow turn of the knob.
    const gain = this.gain(playing);
    if (gain !== this.deck.target) this.deck.fadeTo(gain, SLOW_TURN);
    const next = this.session.rows.find((row) => !row.pending);
    const url = audioUrl(next?.uri);
    const local = url?.startsWith(below(''));
    if (url && local) this.levels.prepare(url);
    const left = audio.duration - audio.currentTime;
    if (url && local && left < 20) this.decks.find((deck) => deck.local && !deck.busy)?.load(url);
    const overlap =
      next && audio.duration >= OVERLAP_FROM && Math.abs(playing.song.duration - audio.duration) < 3;
    if (overlap && left <= OVERLAP && this.options.leads()) this.report('end');
  }

  private jump(target: number): void {
    this.deck.audio.playbackRate = 1;
    this.deck.audio.preservesPitch = false;
    this.jumpedAt = performance.now();
    if (Math.abs(this.deck.audio.currentTime - target) > 0.005) this.deck.audio.currentTime = target;
  }

  private stalled(play: number): void {
    this.startTimer = undefined;
    if (this.deck.play !== play || this.begun || this.session.playing?.paused_at !== null) return;
    // With the line to the server down, the song is not to blame.
    if (this.session.status === 'live') this.report('error');
  }

  /** The sound broke off: the network's fault or the song's? */
  private broke(): void {
    const play = this.deck.play;
    const blameless = this.begun || this.session.status !== 'live' || !this.options.leads();
    if (!blameless) return this.report('error');
    if (this.mending) return;
    this.mending = true;
    this.stopCue();
    const again = () => {
      if (this.deck.play !== play) return;
      // While the server is away there is nothing to fetch.
      if (this.session.status !== 'live') return void setTimeout(again, MEND_AFTER);
      this.mending = false;
      if (this.options.leads() && ++this.mended > MENDS) return this.report('error');
      this.deck.audio.load();
      this.follow();
    };
    setTimeout(again, MEND_AFTER);
  }

  private playFailed(error: unknown, play: number): void {
    if (this.deck.play !== play || !(error instanceof DOMException)) return;
    if (error.name === 'NotAllowedError') {
      this.stopWaiting();
      this.started = false;
      this.needsTap = true;
    } else if (error.name === 'NotSupportedError') this.broke();
  }

  private report(reason: 'end' | 'error'): void {
    this.stopWaiting();
    const play = this.deck.play;
    if (play === null || this.reported === play || this.session.playing?.play !== play) return;
    this.reported = play;
    if (!this.options.leads()) return;
    void this.session.ask({ op: 'ended', play, reason }).then((accepted) => {
      if (accepted) return;
      // Refused or lost, yet the same play may still be on: say it again rather than stay silent.
      setTimeout(() => {
        if (this.reported === play) this.reported = null;
      }, RETRY_REPORT);
    });
  }

  private silence(): void {
    this.forget();
    for (const deck of this.decks) if (deck.play !== null) deck.leave(CUT);
  }

  private forget(): void {
    this.stopWaiting();
    this.stopCue();
    this.reported = null;
    this.begun = this.mending = this.learning = false;
    this.mended = 0;
    this.jumpedAt = 0;
  }
}
