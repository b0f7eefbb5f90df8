/** Runs a `Connection` on a real WebSocket, real timers and the page's own events. */
import { decode, encode } from '@msgpack/msgpack';
import { Connection, type ConnectionOptions, type Effect, type Timer } from './connection';
import { openSocket, takeOver, type Early } from './early';
import type { ClientFrame, Op, ServerFrame } from './wire';

export interface LineHooks {
  frame: (frame: ServerFrame) => void;
  status: (effect: Extract<Effect, { do: 'status' }>) => void;
  forgotten: (effect: Extract<Effect, { do: 'forget' }>) => void;
}

export class Line {
  private readonly connection: Connection;
  private socket: WebSocket | null = null;
  private readonly timers = new Map<Timer, ReturnType<typeof setTimeout>>();
  private stopped = false;

  constructor(
    private readonly url: string,
    options: ConnectionOptions,
    private readonly hooks: LineHooks,
  ) {
    this.connection = new Connection(options);
  }

  start(): void {
    const wake = () => {
      if (document.visibilityState === 'visible') this.run(this.connection.woke());
    };
    document.addEventListener('visibilitychange', wake);
    addEventListener('online', wake);
    addEventListener('pageshow', (event) => event.persisted && wake());
    this.run(this.connection.start());
  }

  stop(): void {
    this.stopped = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.drop();
  }

  command(id: string, op: Op): void {
    this.run(this.connection.command(id, op));
  }

  say(frame: ClientFrame): void {
    this.run(this.connection.say(frame));
  }

  listenClosely(): void {
    this.run(this.connection.listenClosely());
  }

  rejoin(): void {
    this.run(this.connection.rejoin());
  }

  private run(effects: Effect[]): void {
    if (this.stopped) return;
    for (const effect of effects) this.perform(effect);
  }

  private perform(effect: Effect): void {
    switch (effect.do) {
      case 'open':
        return this.openSocket();
      case 'close':
        return this.drop();
      case 'send':
        if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(encode(effect.frame));
        return;
      case 'timer':
        return this.setTimer(effect.timer, effect.after);
      case 'cancel':
        clearTimeout(this.timers.get(effect.timer));
        return;
      case 'renew_identity':
        // The server replaces a cookie it no longer accepts when it serves the page.
        void fetch(location.href, { cache: 'no-store' })
          .catch(() => undefined)
          .then(() => this.run(this.connection.identityRenewed()));
        return;
      case 'status':
        return this.hooks.status(effect);
      case 'forget':
        return this.hooks.forgotten(effect);
      case 'deliver':
        return this.hooks.frame(effect.frame);
    }
  }

  private setTimer(timer: Timer, after: number): void {
    clearTimeout(this.timers.get(timer));
    this.timers.set(
      timer,
      setTimeout(() => this.run(this.connection.elapsed(timer)), after),
    );
  }

  private openSocket(): void {
    this.drop();
    const early = takeOver(this.url);
    const socket = early?.socket ?? openSocket(this.url);
    this.socket = socket;
    // A socket that was left behind may still speak: it is not listened to.
    const current = (effects: () => Effect[]) => {
      if (this.socket === socket) this.run(effects());
    };
    socket.onopen = () => current(() => this.connection.opened());
    const heard = (data: ArrayBuffer) => current(() => this.connection.received(decode(data) as ServerFrame));
    const closed = ({ code, reason }: CloseEvent) =>
      current(() => {
        this.socket = null;
        return this.connection.closed(code, reason);
      });
    socket.onmessage = (event: MessageEvent<ArrayBuffer>) => heard(event.data);
    socket.onclose = closed;
    // Not before the effects of which this opening is one have all been carried out.
    if (early) queueMicrotask(() => this.catchUp(early, heard, closed));
  }

  /** Goes through what an early socket has lived through already; its hello, too, is out. */
  private catchUp(
    early: Early,
    heard: (data: ArrayBuffer) => void,
    closed: (event: CloseEvent) => void,
  ): void {
    if (this.socket !== early.socket) return;
    if (early.socket.readyState !== WebSocket.CONNECTING) this.connection.opened();
    early.heard.forEach(heard);
    if (early.closed) closed(early.closed);
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(1000);
  }
}
