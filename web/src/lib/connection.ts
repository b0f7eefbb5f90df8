/** The life of one connection to a room (hello, resume, heartbeat, retry, outbox): events in, effects out, no I/O. */
import { Outbox } from './outbox';
import type { ClientFrame, Do, Hello, Op, ServerFrame } from './wire';

export type Status = 'connecting' | 'live' | 'offline' | 'locked' | 'ended';

/** Why a connection will not come back by itself. */
export type EndReason = 'bad_message' | 'removed' | 'no_such_room' | 'bad_token';

/** What the room's door says: its PIN is needed, was wrong, or was tried too often (then for how long to wait, s). */
export type Door = { why: 'pin_needed' | 'bad_pin' } | { why: 'too_many'; wait: number };

export type Timer = 'retry' | 'ping' | 'answer' | 'repeat';

export type Effect =
  | { do: 'open' }
  | { do: 'close' }
  | { do: 'send'; frame: ClientFrame }
  | { do: 'timer'; timer: Timer; after: number }
  | { do: 'cancel'; timer: Timer }
  /** Fetch the page again, so that the server replaces the cookie, then call `identityRenewed`. */
  | { do: 'renew_identity' }
  | { do: 'status'; status: Status; reason?: EndReason; door?: Door }
  | { do: 'deliver'; frame: ServerFrame }
  /** These commands will never happen. */
  | { do: 'forget'; ids: string[]; because: 'replaced' | 'expired' | 'full' };

export interface ConnectionOptions {
  /** A steady clock, ms. */
  now: () => number;
  random: () => number;
  /** What the hello carries besides the version to resume from. */
  identity: () => Pick<Hello, 'token' | 'host' | 'name' | 'pin' | 'as'>;
  /** The version that this listener holds. */
  version: () => [number, string] | undefined;
  /** This page makes sound and wants to know the time well. */
  keen?: () => boolean;
}

/** First retry after about half a second, then doubling up to this (ms). */
const RETRY_FIRST = 500;
const RETRY_MAX = 15_000;
/** A few quick pings give the clock good samples; then one now and then keeps the line proven. */
const QUICK_PINGS = 6;
const PING_QUICK = 250;
const PING_EVERY = 10_000;
/** Sound wants better samples: among so many, some pass a shaky network undelayed. */
const QUICK_PINGS_KEEN = 24;
const PING_KEEN = 1_500;
/** No word for this long after a ping: the line is dead (ms). After waking up we are less patient. */
const ANSWER_WITHIN = 8_000;
const ANSWER_AFTER_WAKE = 350;
/** A handshake and a first state take longer on bad Wi-Fi (ms). */
const WELCOME_WITHIN = 10_000;
const REPEAT_AFTER = 1_000;

const LOCKED = 4423;
const TOO_MANY = 4429;
const FINAL: Record<number, EndReason> = { 4400: 'bad_message', 4403: 'removed', 4404: 'no_such_room' };

export class Connection {
  status: Status = 'connecting';
  readonly outbox = new Outbox();
  private socket: 'none' | 'opening' | 'open' = 'none';
  private attempts = 0;
  private pings = 0;
  private awaiting = false;
  private renewed = false;
  /** The line is being tried after a sleep: if it is dead, a new one is opened at once. */
  private waking = false;
  private toRepeat: string[] = [];
  /** The last hello showed a PIN. */
  private showed = false;

  constructor(private readonly options: ConnectionOptions) {}

  start(): Effect[] {
    return this.open();
  }

  opened(): Effect[] {
    this.socket = 'open';
    const since = this.options.version();
    const hello: Hello = { t: 'hello', ...this.options.identity(), ...(since ? { since } : {}) };
    this.showed = hello.pin !== undefined;
    return [{ do: 'send', frame: hello }];
  }

  received(frame: ServerFrame): Effect[] {
    const effects: Effect[] = [];
    if (frame.t === 'done') this.outbox.settle(frame.id);
    if (frame.t === 'refused') {
      if (frame.code === 'unavailable' && this.outbox.repeat(frame.id)) {
        this.toRepeat.push(frame.id);
        return [{ do: 'timer', timer: 'repeat', after: REPEAT_AFTER }];
      }
      this.outbox.settle(frame.id);
    }
    if (frame.t === 'welcome' || frame.t === 'pong') {
      this.awaiting = this.waking = false;
      effects.push({ do: 'cancel', timer: 'answer' });
    }
    effects.push({ do: 'deliver', frame });
    // Live once the room is here: that frame is a state, or a patch on a resume.
    if (this.status !== 'live' && (frame.t === 'state' || frame.t === 'patch')) effects.push(...this.live());
    return effects;
  }

  closed(code: number, reason: string): Effect[] {
    this.socket = 'none';
    const ending = FINAL[code];
    if (ending) return this.end(ending);
    if (code === LOCKED) return this.lock({ why: reason === 'bad_pin' ? 'bad_pin' : 'pin_needed' });
    const wait = Number.parseInt(reason, 10);
    // To come back by itself would only try the same PIN again.
    if (code === TOO_MANY && this.showed && wait >= 0) return this.lock({ why: 'too_many', wait });
    if (code === 4401) {
      if (this.renewed) return this.end('bad_token');
      this.renewed = true;
      return [...this.quiet(), ...this.become('connecting'), { do: 'renew_identity' }];
    }
    return this.retryLater(code, reason);
  }

  identityRenewed(): Effect[] {
    return this.open();
  }

  elapsed(timer: Timer): Effect[] {
    if (this.status === 'ended' || this.status === 'locked') return [];
    switch (timer) {
      case 'retry':
        return this.open();
      case 'ping':
        return this.ping(ANSWER_WITHIN);
      case 'repeat':
        return this.repeatNow();
      case 'answer':
        // Nobody is there: the socket may take minutes to notice, so leave it behind.
        this.socket = 'none';
        if (this.waking) {
          this.waking = false;
          return [{ do: 'close' }, ...this.quiet(), ...this.open()];
        }
        return [{ do: 'close' }, ...this.retryLater(1006, '')];
    }
  }

  /** The page is looked at again, or the device says that it is online. */
  woke(): Effect[] {
    if (this.status === 'ended' || this.status === 'locked') return [];
    if (this.socket === 'none') return [{ do: 'cancel', timer: 'retry' }, ...this.open()];
    if (this.status !== 'live') return [];
    this.pings = 0;
    this.awaiting = false;
    this.waking = true;
    return [{ do: 'cancel', timer: 'ping' }, ...this.ping(ANSWER_AFTER_WAKE)];
  }

  /** Join anew, for example as a player or with a PIN; resumes from the version held. */
  rejoin(): Effect[] {
    if (this.status === 'ended') return [];
    this.socket = 'none';
    return [{ do: 'close' }, ...this.quiet(), ...this.open()];
  }

  /** Measure the time anew, quickly, from now on. */
  listenClosely(): Effect[] {
    if (this.status !== 'live') return [];
    this.pings = 0;
    return [{ do: 'cancel', timer: 'ping' }, ...this.ping(ANSWER_WITHIN)];
  }

  /** Said now or never: it is worth nothing later. */
  say(frame: ClientFrame): Effect[] {
    return this.status === 'live' ? [{ do: 'send', frame }] : [];
  }

  command(id: string, op: Op): Effect[] {
    const frame = { t: 'do', id, ...op } satisfies Do;
    const live = this.status === 'live';
    const { taken, replaced } = this.outbox.put(frame, this.options.now(), live);
    const effects: Effect[] = [];
    if (replaced.length) effects.push({ do: 'forget', ids: replaced, because: 'replaced' });
    if (!taken || this.status === 'ended') effects.push({ do: 'forget', ids: [id], because: 'full' });
    else if (live) effects.push({ do: 'send', frame });
    return effects;
  }

  private open(): Effect[] {
    this.socket = 'opening';
    return [
      ...(this.status === 'offline' ? [] : this.become('connecting')),
      { do: 'open' },
      { do: 'timer', timer: 'answer', after: WELCOME_WITHIN },
    ];
  }

  private live(): Effect[] {
    this.attempts = 0;
    this.renewed = false;
    this.pings = 0;
    const { send, expired } = this.outbox.resend(this.options.now());
    const effects: Effect[] = this.become('live');
    if (expired.length) effects.push({ do: 'forget', ids: expired, because: 'expired' });
    effects.push(...send.map((frame): Effect => ({ do: 'send', frame })));
    return [...effects, ...this.ping(ANSWER_WITHIN)];
  }

  private ping(patience: number): Effect[] {
    if (this.socket !== 'open') return [];
    this.pings++;
    const keen = this.options.keen?.() ?? false;
    const quick = this.pings < (keen ? QUICK_PINGS_KEEN : QUICK_PINGS);
    const next = quick ? PING_QUICK : keen ? PING_KEEN : PING_EVERY;
    const effects: Effect[] = [
      { do: 'send', frame: { t: 'ping', at: this.options.now() } },
      { do: 'timer', timer: 'ping', after: next },
    ];
    // A later ping must not put off the deadline of an earlier one.
    if (!this.awaiting) effects.push({ do: 'timer', timer: 'answer', after: patience });
    this.awaiting = true;
    return effects;
  }

  private repeatNow(): Effect[] {
    const ids = this.toRepeat.splice(0);
    if (this.status !== 'live') return [];
    const frames = ids.map((id) => this.outbox.frame(id)).filter((frame) => frame !== undefined);
    return frames.map((frame): Effect => ({ do: 'send', frame }));
  }

  private retryLater(code: number, reason: string): Effect[] {
    const asked = code === 4503 || code === 1012 ? Number.parseFloat(reason) : Number.NaN;
    const backoff = Math.min(RETRY_MAX, RETRY_FIRST * 2 ** this.attempts++);
    const base = Number.isFinite(asked) && asked >= 0 ? Math.min(asked, 60) * 1000 : backoff;
    // Full jitter on the upper half, so that a thousand phones do not come back in one instant.
    const after = Math.round(base / 2 + (base / 2) * this.options.random());
    return [...this.quiet(), ...this.become('offline'), { do: 'timer', timer: 'retry', after }];
  }

  private quiet(): Effect[] {
    this.awaiting = false;
    return [
      { do: 'cancel', timer: 'ping' },
      { do: 'cancel', timer: 'answer' },
      { do: 'cancel', timer: 'repeat' },
    ];
  }

  private end(reason: EndReason): Effect[] {
    this.status = 'ended';
    return [...this.quiet(), { do: 'cancel', timer: 'retry' }, { do: 'status', status: 'ended', reason }];
  }

  /** Nothing more by itself: somebody has to type the PIN, and then `rejoin`. */
  private lock(door: Door): Effect[] {
    this.status = 'locked';
    return [...this.quiet(), { do: 'cancel', timer: 'retry' }, { do: 'status', status: 'locked', door }];
  }

  private become(status: Status): Effect[] {
    if (this.status === status && status !== 'connecting') return [];
    this.status = status;
    return [{ do: 'status', status }];
  }
}
