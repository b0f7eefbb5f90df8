/** Every address is made from the page's base, so that the project works below any root path. */

const CODE_LETTERS = /^[A-HJKMNP-Z2-9]{6}$/;
export const HOUSE_PARTY = 'MAIN';

export const below = (path: string): string => new URL(path.replace(/^\/+/, ''), document.baseURI).href;

export function socketUrl(code: string, client: string): string {
  const url = new URL(`ws/${code}`, document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('client', client);
  return url.href;
}

/** The room code in this page's path. */
export function codeFromPath(path = location.pathname): string {
  return (/\/r\/([^/]+)/.exec(path)?.[1] ?? '').toUpperCase();
}

/** What a person typed or pasted, as a room code; null when it cannot be one. */
export function readCode(text: string): string | null {
  const pasted = /\/r\/([^/?#\s]+)/.exec(text)?.[1] ?? text;
  const code = pasted.toUpperCase().replace(/[^A-Z0-9]/g, '');
  return code === HOUSE_PARTY || CODE_LETTERS.test(code) ? code : null;
}

/** Artwork comes from this server only. */
export function artworkUrl(path: string | undefined): string | undefined {
  return path && /^\/[^/\\]/.test(path) ? below(path) : undefined;
}

/** Where the sound of a song is: on this server, or anywhere on the web; undefined: nowhere. */
export function audioUrl(uri: string | undefined): string | undefined {
  if (!uri) return undefined;
  if (/^\/[^/\\]/.test(uri)) return below(uri);
  return /^https?:\/\//i.test(uri) ? uri : undefined;
}
