/** Where the words of a search stand in a text; pure. */

export interface Part {
  text: string;
  hit: boolean;
}

/** One character at a time, so that the folded text is exactly as long as the original. */
const fold = (text: string) =>
  Array.from(text, (c) => c.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().slice(0, c.length) || c);

/** `text` cut into parts at the beginnings of words that start with one of `words`. */
export function marks(text: string, words: string): Part[] {
  const wanted = words
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => fold(word).join(''));
  if (!wanted.length) return [{ text, hit: false }];
  const letters = Array.from(text);
  const folded = fold(text);
  const hit = new Array<boolean>(letters.length).fill(false);
  for (let at = 0; at < letters.length; at++) {
    if (at && /[\p{L}\p{N}]/u.test(letters[at - 1]!)) continue;
    for (const word of wanted) {
      const size = Array.from(word).length;
      if (folded.slice(at, at + size).join('') === word) hit.fill(true, at, at + size);
    }
  }
  const parts: Part[] = [];
  letters.forEach((letter, at) => {
    const last = parts.at(-1);
    if (last && last.hit === hit[at]) last.text += letter;
    else parts.push({ text: letter, hit: hit[at]! });
  });
  return parts.length ? parts : [{ text, hit: false }];
}
