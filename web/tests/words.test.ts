/** The catalogues say everything that the pages say, and nothing else. */
import { afterEach, describe, expect, it } from 'vitest';
// @ts-expect-error: a plain script, also run by hand
import { words, wordsOf } from '../scripts/words.mjs';
import { about, ordinal } from '../src/lib/format';
import { marks } from '../src/lib/marks';
import { t, tn, useCatalogue } from '../src/lib/words';
import de from '../src/words/de';

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe('the catalogues', () => {
  const texts: string[] = [...words()];

  it('are read from the sources', () => {
    expect(texts.length).toBeGreaterThan(150);
    expect([
      ...wordsOf(`t(again ? 'Add {title} again' : 'Add', { title: x ?? 'no' }) + tn(2, 'a b', "c's")`),
    ]).toEqual(['Add {title} again', 'Add', 'a b', "c's"]);
  });

  it('German is complete, has nothing left over, and fills in the same blanks', () => {
    expect(texts.filter((text) => !(text in de))).toEqual([]);
    expect(Object.keys(de).filter((text) => !texts.includes(text))).toEqual([]);
    for (const [text, translated] of Object.entries(de))
      expect([text, placeholders(translated)]).toEqual([text, placeholders(text)]);
  });
});

describe('words', () => {
  afterEach(() => useCatalogue('en', {}));

  it('are English by themselves, and otherwise what the catalogue says', () => {
    expect(tn(1, '{n} song', '{n} songs')).toBe('1 song');
    expect(tn(0, '{n} song', '{n} songs')).toBe('0 songs');
    expect(t('Remove {title}', { title: '{n} $& x' })).toBe('Remove {n} $& x');
    useCatalogue('de', de);
    expect(t('Remove {title}', { title: 'X' })).toBe('X entfernen');
    expect(about(600)).toBe('etwa 10 Minuten');
    expect(ordinal(2)).toBe('2.');
    expect(t('nobody has translated this')).toBe('nobody has translated this');
  });
});

describe('marks of a search', () => {
  const hits = (text: string, words: string) =>
    marks(text, words)
      .map(({ text: part, hit }) => (hit ? `[${part}]` : part))
      .join('');

  it('stand at the beginnings of words, whatever their accents and capitals', () => {
    expect(hits('Rua das Flores', 'flo RU')).toBe('[Ru]a das [Flo]res');
    expect(hits('João & the Tiles', 'joao')).toBe('[João] & the Tiles');
    expect(hits('Umbrella', 'bre')).toBe('Umbrella');
    expect(hits('🎈Äpfel', 'apf')).toBe('🎈[Äpf]el');
    expect(hits('Anything', ' ')).toBe('Anything');
  });
});
