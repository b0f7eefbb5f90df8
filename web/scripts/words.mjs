/** Every text that the pages can say, from the sources: `words()` gives the keys of the catalogues. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/', import.meta.url);
const STRING = String.raw`'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"`;

/** The texts of one file: the strings in calls of `t` and `tn`, whichever side of a condition they stand on. */
export function wordsOf(code) {
  const found = new Set();
  const add = (one, two) => found.add((one ?? two).replace(/\\(.)/g, '$1'));
  for (const call of code.matchAll(/\btn?\(/g)) {
    let depth = 1;
    let at = call.index + call[0].length;
    // Only the call's own arguments: a string inside braces is a value, not a text.
    let own = '';
    while (at < code.length && depth) {
      const string = new RegExp(STRING, 'y');
      string.lastIndex = at;
      const match = string.exec(code);
      if (match) {
        if (depth === 1) own += match[0];
        at += match[0].length;
        continue;
      }
      if ('([{'.includes(code[at])) depth++;
      else if (')]}'.includes(code[at])) depth--;
      at++;
    }
    for (const [, one, two] of own.matchAll(new RegExp(STRING, 'g'))) add(one, two);
  }
  return found;
}

export function words() {
  const files = readdirSync(fileURLToPath(source), { recursive: true })
    .filter((name) => /\.(svelte|ts)$/.test(name) && !/words(\.ts|\/|\\)/.test(name))
    .sort();
  return new Set(
    files.flatMap((name) => [...wordsOf(readFileSync(new URL(name.replaceAll('\\', '/'), source), 'utf8'))]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log([...words()].join('\n'));
