/** What this browser remembers between visits; works, forgetfully, where storage is forbidden. */

const forgetful = new Map<string, string>();

function read(key: string): string | undefined {
  try {
    return localStorage.getItem(`crowdcue.${key}`) ?? undefined;
  } catch {
    return forgetful.get(key);
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(`crowdcue.${key}`, value);
  } catch {
    forgetful.set(key, value);
  }
}

export function randomId(length = 12): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => letters[byte & 31]).join('');
}

/** Lets a balancer keep this browser on one node. */
export function clientId(): string {
  const known = read('client');
  if (known) return known;
  const made = randomId();
  write('client', made);
  return made;
}

export const nickname = {
  get: () => read('name'),
  set: (name: string) => write('name', name),
};

export const hostToken = {
  get: (code: string) => read(`host.${code}`),
  set: (code: string, token: string) => write(`host.${code}`, token),
};

/** What a hello says of this browser in a room; `screen` is the name of a page that is nobody's. */
export function credentials(code: string, screen?: string): { host?: string; name?: string } {
  const [host, name] = [hostToken.get(code), screen ?? nickname.get()];
  return { ...(host ? { host } : {}), ...(name ? { name } : {}) };
}

export interface Visited {
  code: string;
  name: string;
}
const VISITED_MAX = 3;

/** The parties that this browser was at, the last one first. */
export const visited = {
  get(): Visited[] {
    try {
      const known: unknown = JSON.parse(read('visited') ?? '[]');
      const fits = (one: Partial<Visited>) => typeof one?.code === 'string' && typeof one.name === 'string';
      return Array.isArray(known) ? known.filter(fits).slice(0, VISITED_MAX) : [];
    } catch {
      return [];
    }
  },
  add(visit: Visited): void {
    const others = visited.get().filter(({ code }) => code !== visit.code);
    write('visited', JSON.stringify([visit, ...others].slice(0, VISITED_MAX)));
  },
};

/** Takes a host token out of the address bar, where it could be photographed or shared, and keeps it. */
export function adoptHostToken(code: string): void {
  const url = new URL(location.href);
  const token = url.searchParams.get('host');
  if (token === null) return;
  if (token) hostToken.set(code, token);
  url.searchParams.delete('host');
  history.replaceState(history.state, '', url);
}
