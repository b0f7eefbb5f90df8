/** One room as the components see it: reactive state on top of the pure view, the pending list and the line. */
import { socketUrl } from './base';
import { ServerClock, positionAt } from './clock';
import type { Door, EndReason, Status } from './connection';
import { Gatherer } from './gather';
import { clientId, credentials, randomId } from './keep';
import { Line } from './line';
import { ask, confirm, rows, settle, withdraw, type PendingOp } from './pending';
import { applyFrame, type View } from './room';
import type { Emoji, Here, Me, Op, Reactions, ServerFrame, Song } from './wire';

/** The server's steady reading that pings are measured with. */
const local = () => performance.now();

export interface Refusal {
  code: string;
  message: string;
  op: Op;
}

export class Session {
  readonly code: string;
  status = $state<Status>('connecting');
  ended = $state<EndReason | null>(null);
  /** The room has a PIN, and we are outside until somebody types it. */
  door = $state.raw<Door | null>(null);
  me = $state.raw<Me | null>(null);
  view = $state.raw<View | null>(null);
  here = $state.raw<Here | null>(null);
  pending = $state.raw<PendingOp[]>([]);
  /** Server time, refreshed a few times a second. */
  now = $state(0);
  /** My standing wish to skip this play. */
  skipWish = $state<number | null>(null);

  /** This page counts as one that makes sound. */
  asPlayer = $state(false);

  readonly rows = $derived(this.view ? rows(this.view, this.pending, this.me) : []);
  /** Song id to its place in the queue, from 0. */
  readonly places = $derived(new Map(this.rows.map((row, at) => [row.id, at])));
  readonly playing = $derived(this.view?.playing ?? null);
  readonly position = $derived(this.playing ? positionAt(this.playing, this.now) : 0);
  readonly isHost = $derived(this.me?.role === 'host');
  /** Pages that make sound, without this one. */
  readonly otherPlayers = $derived(Math.max(0, (this.here?.players ?? 0) - Number(this.asPlayer)));

  onRefused: (refusal: Refusal) => void = () => {};
  onReactions: (list: Reactions['list']) => void = () => {};
  onForgotten: (because: 'expired' | 'full') => void = () => {};

  private readonly clock = new ServerClock();
  private readonly line: Line;
  /** A burst of patches is drawn once. */
  private readonly arrived = new Gatherer<ServerFrame>((frames) => this.apply(frames));
  private readonly answers = new Map<string, (accepted: boolean, retryAfter?: number) => void>();
  private keen = false;
  /** Only until we are in: the server knows us then. */
  private pin: string | undefined;
  private settled = () => {};
  /** There is something to show: the room, or that it cannot be had. */
  readonly first = new Promise<void>((resolve) => (this.settled = resolve));

  /** `screen`: what a page that is nobody's is called among those who are here. */
  constructor(code: string, screen?: string) {
    this.code = code;
    const options = {
      now: local,
      random: Math.random,
      identity: () => ({
        ...credentials(code, screen),
        ...(this.pin ? { pin: this.pin } : {}),
        ...(this.asPlayer ? { as: 'player' as const } : {}),
      }),
      keen: () => this.keen,
      version: (): [number, string] | undefined => {
        this.arrived.flush();
        return this.view ? [this.view.seq, this.view.mark] : undefined;
      },
    };
    this.line = new Line(socketUrl(code, clientId()), options, {
      frame: (frame) => this.receive(frame),
      status: ({ status, reason, door }) => {
        this.status = status;
        this.ended = reason ?? null;
        // It stays while the PIN is looked at, and while the line is broken.
        if (door) this.door = door;
        else if (status === 'live' || status === 'ended') this.door = null;
        if (door || status === 'offline' || status === 'ended') this.settled();
      },
      forgotten: ({ ids, because }) => {
        for (const id of ids) this.settleAnswer(id, false);
        if (because !== 'replaced') this.onForgotten(because);
      },
    });
  }

  start(): void {
    this.line.start();
    this.now = this.serverNow();
    setInterval(() => (this.now = this.serverNow()), 500);
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.clock.forget();
    });
  }

  serverNow(): number {
    return this.clock.now(local());
  }

  /** Knocks with this PIN. */
  show(pin: string): void {
    this.pin = pin;
    this.line.rejoin();
  }

  /** Joins anew as a player, whose presence lets the room's clock run; or as one who only looks. */
  becomePlayer(player = true): void {
    if (this.asPlayer === player) return;
    this.asPlayer = player;
    this.line.rejoin();
  }

  /** Sound wants a better clock than a list does. */
  listenClosely(closely: boolean): void {
    if (this.keen === closely) return;
    this.keen = closely;
    if (closely) this.line.listenClosely();
  }

  react(emoji: Emoji): void {
    this.line.say({ t: 'react', emoji });
  }

  /** Asks for something; it shows at once and resolves with whether the server accepted it. */
  ask(op: Op, song?: Song): Promise<boolean> {
    return this.askAgain(op, song).then((answer) => answer.accepted);
  }

  /** As `ask`, but says how long to wait before another try. */
  askAgain(op: Op, song?: Song): Promise<{ accepted: boolean; retryAfter?: number }> {
    const id = randomId();
    this.pending = ask(this.pending, this.view, id, op, song);
    return new Promise((resolve) => {
      this.answers.set(id, (accepted, retryAfter) =>
        resolve(retryAfter === undefined ? { accepted } : { accepted, retryAfter }),
      );
      this.line.command(id, op);
    });
  }

  private settleAnswer(id: string, accepted: boolean, retryAfter?: number): void {
    if (!accepted) this.pending = withdraw(this.pending, id);
    this.answers.get(id)?.(accepted, retryAfter);
    this.answers.delete(id);
  }

  private receive(frame: ServerFrame): void {
    switch (frame.t) {
      case 'welcome':
        this.pin = undefined;
        this.me = frame.you;
        this.clock.guess(local(), frame.now);
        return;
      case 'you':
        this.me = frame.you;
        return;
      case 'reactions':
        this.onReactions(frame.list);
        return;
      case 'here':
        this.here = frame;
        return;
      case 'pong':
        this.clock.sample(frame.at, frame.now, local());
        return;
      case 'refused': {
        // What it is refused for may just have arrived.
        this.arrived.flush();
        const op = this.pending.find((entry) => entry.id === frame.id)?.op;
        this.settleAnswer(frame.id, false, frame.retry_after);
        if (op) this.onRefused({ code: frame.code, message: frame.message, op });
        return;
      }
      default:
        this.arrived.add(frame);
        if (!this.view) this.arrived.flush();
        if (this.view) this.settled();
    }
  }

  /** The room after these frames, which come in the order of their versions. */
  private apply(frames: ServerFrame[]): void {
    let [view, pending] = [this.view, this.pending];
    for (const frame of frames) {
      if (frame.t === 'done') pending = confirm(pending, frame.id, frame.seq);
      else view = applyFrame(view, frame);
      if (view) ({ view, pending } = settle(view, pending));
    }
    this.view = view;
    this.pending = pending;
    for (const frame of frames) if (frame.t === 'done') this.settleAnswer(frame.id, true);
  }
}
