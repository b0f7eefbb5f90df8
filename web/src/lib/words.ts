/** The page's language: English is its own key, any other language is a catalogue loaded before the page starts. */

export type Catalogue = Record<string, string>;

const LANGUAGES: Record<string, () => Promise<{ default: Catalogue }>> = { de: () => import('../words/de') };
const STORED = 'crowdcue.language';

let catalogue: Catalogue = {};
let current = 'en';

/** What the person chose, else the first of the browser's languages that we speak. */
function wanted(): string {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(STORED);
  } catch {
    // Storage is forbidden: the browser's own order stands.
  }
  const known = (tag: string) => tag.toLowerCase().split('-')[0] ?? '';
  const spoken = [chosen ?? '', ...navigator.languages].map(known);
  return spoken.find((language) => language === 'en' || language in LANGUAGES) ?? 'en';
}

/** Call before the first component is made: words do not change while a page is up. */
export async function loadWords(): Promise<void> {
  current = wanted();
  const load = LANGUAGES[current];
  if (load) catalogue = (await load().catch(() => null))?.default ?? {};
  if (load && !Object.keys(catalogue).length) current = 'en';
  document.documentElement.lang = current;
}

export function chooseLanguage(language: string): void {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    return;
  }
  location.reload();
}

export const language = (): string => current;

/** For tests: as if this catalogue had been loaded. */
export function useCatalogue(code: string, words: Catalogue): void {
  [current, catalogue] = [code, words];
}

/** `english`, or its translation, with `{name}`s filled in. */
export function t(english: string, values?: Record<string, string | number>): string {
  const text = catalogue[english] ?? english;
  return values ? text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all)) : text;
}

/** As `t`, with one text for 1 and another for everything else; `{n}` is the number. */
export function tn(n: number, one: string, many: string, values?: Record<string, string | number>): string {
  return t(n === 1 ? one : many, { n, ...values });
}
