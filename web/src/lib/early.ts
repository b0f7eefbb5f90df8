/** Opens a room's socket and says hello while the rest of the page is still on its way; the line takes both over. */
import { SUBPROTOCOL, type Hello } from './wire';

export interface Early {
  readonly url: string;
  readonly socket: WebSocket;
  /** What the server has said so far. */
  readonly heard: ArrayBuffer[];
  closed: CloseEvent | null;
}

/** MessagePack of a few short texts: the whole codec comes with the rest of the page. */
export function pack(texts: Record<string, string>): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(texts);
  const bytes = [0x80 | entries.length];
  for (const text of entries.flat()) {
    const utf8 = new TextEncoder().encode(text);
    bytes.push(0xda, utf8.length >> 8, utf8.length & 255, ...utf8);
  }
  return new Uint8Array(bytes);
}

let waiting: Early | null = null;

export function openSocket(url: string): WebSocket {
  const socket = new WebSocket(url, SUBPROTOCOL);
  socket.binaryType = 'arraybuffer';
  return socket;
}

/** Two round trips that need not wait for the page. */
export function knock(url: string, hello: Pick<Hello, 't' | 'host' | 'name'>): void {
  const early: Early = { url, socket: openSocket(url), heard: [], closed: null };
  early.socket.onopen = () => early.socket.send(pack({ ...hello }));
  early.socket.onmessage = (event: MessageEvent<ArrayBuffer>) => early.heard.push(event.data);
  early.socket.onclose = (event) => (early.closed = event);
  waiting = early;
}

/** What was opened for this address, once; whoever takes it must set its handlers. */
export function takeOver(url: string): Early | null {
  const early = waiting?.url === url ? waiting : null;
  waiting = null;
  return early;
}
