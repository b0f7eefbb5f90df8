/** Fails when a page's script and style, compressed, are over their budget. Run after `npm run build`. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = { index: 60, room: 60, stage: 60 };
const dist = new URL('../dist/', import.meta.url);
const read = (path) => readFileSync(new URL(path, dist));

/** The files a page loads at start: its own tags and, through them, every chunk they import. */
function filesOf(page) {
  const html = read(`${page}.html`).toString();
  const waiting = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map(
    (match) => match[1],
  );
  const found = new Set();
  for (let path; (path = waiting.pop());) {
    if (found.has(path)) continue;
    found.add(path);
    if (!path.endsWith('.js')) continue;
    const source = read(path).toString();
    // `import(…)` is left out on purpose: what it fetches comes when it is first needed.
    for (const match of source.matchAll(/\b(?:from|import)\s*["'`]\.\/([\w.-]+\.js)["'`]/g))
      waiting.push(`assets/${match[1]}`);
  }
  return [...found];
}

let over = false;
for (const [page, budget] of Object.entries(BUDGET_KB)) {
  const files = filesOf(page);
  if (!files.some((path) => path.endsWith('.js')) || !files.some((path) => path.endsWith('.css')))
    throw new Error(`${page}.html loads no script or no style: the measurement would mean nothing`);
  const kb = files.reduce((sum, path) => sum + gzipSync(read(path), { level: 9 }).length, 0) / 1000;
  over ||= kb > budget;
  console.log(`${page}.html  ${kb.toFixed(1)} kB of ${budget} kB compressed, in ${files.length} files`);
}
process.exitCode = over ? 1 : 0;
