/** The few REST calls that the pages make; every failure becomes one `ApiError` with words for a person. */
import { below } from './base';
import { t } from './words';
import type { Song } from './wire';

export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Invite {
  code: string;
  name: string;
  url: string;
  qr: string;
  /** A QR code that joins the host's Wi-Fi. */
  wifi?: string;
  /** Guests need the PIN. */
  pin?: true;
}

export interface PastTrack extends Song {
  play: number;
  played_at?: number;
  ended_at?: number;
  up?: number;
  down?: number;
  by?: { id: string; name: string };
}

export interface HostLinks {
  url: string;
  stage: string;
}

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(below(path), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError('offline', t('The party cannot be reached. Check your Wi-Fi.'));
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const { code, message } = (body ?? {}) as { code?: string; message?: string };
  throw new ApiError(
    code ?? 'internal',
    message ?? t('The server answered with {n}.', { n: response.status }),
  );
}

export function createRoom(name: string): Promise<{ code: string; host_token: string }> {
  const body = JSON.stringify({ name });
  return call('api/rooms', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}

/** For hosts: links that carry host rights. */
export function hostLinks(code: string, token: string | undefined): Promise<HostLinks> {
  return call(`api/rooms/${code}/host-link`, token ? { headers: { 'x-crowdcue-host': token } } : {});
}

export const invite = (code: string): Promise<Invite> => call(`api/rooms/${code}/invite`);

export async function search(q: string, limit: number, signal: AbortSignal): Promise<Song[]> {
  const query = new URLSearchParams({ q, limit: String(limit) });
  return (await call<{ songs: Song[] }>(`api/search?${query}`, { signal })).songs;
}

/** One page of finished plays before `before`, newest first. */
export async function pastPlays(
  code: string,
  before: number | undefined,
  limit: number,
): Promise<PastTrack[]> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (before !== undefined) query.set('before', String(before));
  const tracks = await call<PastTrack[]>(`api/rooms/${code}/history?${query}`);
  // A track's id is a number where it looks like one; on the WebSocket it is always text.
  return tracks.map((track) => ({ ...track, id: String(track.id) })).reverse();
}

/** A night longer than this is cut at its beginning. */
const MOST_PLAYS = 20_000;

/** Every finished play, oldest first; asks page by page until there is no more, or `stop` says so. */
export async function allPlays(code: string, stop: () => boolean = () => false): Promise<PastTrack[]> {
  const PAGE = 500;
  const found: PastTrack[] = [];
  for (;;) {
    const page = await pastPlays(code, found.at(-1)?.play, PAGE);
    found.push(...page);
    if (page.length < PAGE || found.length >= MOST_PLAYS || stop()) return found.reverse();
  }
}
