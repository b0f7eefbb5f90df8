import { decode, encode } from '@msgpack/msgpack';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { knock, pack, takeOver } from '../src/lib/early';
import { Line } from '../src/lib/line';
import type { ServerFrame } from '../src/lib/wire';
import { state } from './make';

/** A socket whose other end is the test. */
class FakeSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  binaryType = '';
  sent: unknown[] = [];
  onopen: () => void = () => {};
  onmessage: (event: { data: Uint8Array }) => void = () => {};
  onclose: (event: { code: number; reason: string }) => void = () => {};

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }
  send(bytes: Uint8Array) {
    this.sent.push(decode(bytes));
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  says(frame: ServerFrame) {
    this.onmessage({ data: encode(frame) });
  }
  ends(code: number) {
    this.readyState = 3;
    this.onclose({ code, reason: '' });
  }
}

const URL = 'ws://party/ws/MAIN';
const hello = { t: 'hello', name: 'Anna' } as const;
const welcome: ServerFrame = {
  t: 'welcome',
  you: { id: 'm1', name: 'Anna', role: 'guest' },
  token: 't',
  now: 0,
};

beforeEach(() => {
  FakeSocket.made = [];
  takeOver('');
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.stubGlobal('document', { addEventListener: () => {} });
  vi.stubGlobal('addEventListener', () => {});
});

/** A line that has been started, what it delivered and the statuses it went through. */
async function started(url = URL) {
  const frames: string[] = [];
  const statuses: string[] = [];
  const line = new Line(
    url,
    { now: () => 0, random: () => 1, identity: () => ({ name: 'Anna' }), version: () => undefined },
    {
      frame: (frame) => frames.push(frame.t),
      status: ({ status }) => statuses.push(status),
      forgotten: () => {},
    },
  );
  line.start();
  await Promise.resolve();
  return { line, frames, statuses };
}

const first = () => FakeSocket.made[0]!;
const kinds = (socket: FakeSocket) => socket.sent.map((frame) => (frame as { t: string }).t);

describe('the early hello', () => {
  it('is what the whole codec would have written', () => {
    const texts = { t: 'hello', host: 'x'.repeat(300), name: 'Zoë 🎉', empty: '' };
    expect(decode(pack(texts))).toEqual(texts);
  });

  it('goes out once, and the line goes on from what was answered', async () => {
    knock(URL, hello);
    first().open();
    first().says(welcome);
    first().says(state([]));
    const { line, frames, statuses } = await started();
    expect(FakeSocket.made).toHaveLength(1);
    expect(frames).toEqual(['welcome', 'state']);
    expect(statuses.at(-1)).toBe('live');
    expect(kinds(first())).toEqual(['hello', 'ping']);
    line.command('c1', { op: 'skip', want: true });
    expect(kinds(first())).toEqual(['hello', 'ping', 'do']);
  });

  it('is left to the line while the socket still opens', async () => {
    knock(URL, hello);
    const { frames, statuses } = await started();
    expect(first().sent).toEqual([]);
    first().open();
    expect(kinds(first())).toEqual(['hello']);
    first().says(welcome);
    first().says(state([]));
    expect(frames).toEqual(['welcome', 'state']);
    expect(statuses.at(-1)).toBe('live');
    expect(FakeSocket.made).toHaveLength(1);
  });

  it('may be half answered', async () => {
    knock(URL, hello);
    first().open();
    first().says(welcome);
    const { frames, statuses } = await started();
    expect(frames).toEqual(['welcome']);
    expect(statuses.at(-1)).toBe('connecting');
    first().says(state([]));
    expect(statuses.at(-1)).toBe('live');
  });

  it('may have been refused by then', async () => {
    knock(URL, hello);
    first().open();
    first().ends(4404);
    expect((await started()).statuses.at(-1)).toBe('ended');
  });

  it('may have failed: then the line tries again', async () => {
    knock(URL, hello);
    first().ends(1006);
    expect((await started()).statuses.at(-1)).toBe('offline');
    vi.advanceTimersByTime(500);
    expect(FakeSocket.made).toHaveLength(2);
    FakeSocket.made[1]!.open();
    expect(kinds(FakeSocket.made[1]!)).toEqual(['hello']);
  });

  it('is of no use for another address', async () => {
    knock(URL, hello);
    const { line } = await started('ws://party/ws/OTHER2');
    expect(FakeSocket.made.map(({ url }) => url)).toEqual([URL, 'ws://party/ws/OTHER2']);
    line.stop();
  });
});
