/** How the three pages are built; every address stays relative, so that any root path works. */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/**
 * What pages share, in few files, since each one more costs a slow phone more than the bytes it saves. Sheets and sound
 * stay in files of their own, which come when they are needed.
 */
const GROUPS = [
  {
    name: 'early',
    priority: 1,
    test: /preload-helper|src\/lib\/(base|early|install|keep|wire|words)\.ts/,
  },
  {
    name: 'shared',
    test: /node_modules|src\/styles|src\/ui\/(Artwork|Icon|Toaster|glide)|src\/phone\/(Ended|party)|src\/lib\/(?!night|marks|preview|clipboard)/,
    minShareCount: 2,
  },
];

const page = (name: string) => fileURLToPath(new URL(`${name}.html`, import.meta.url));

/** Where `npm run dev` finds rooms, songs and sound: a server started beside it. */
const SERVER = process.env.CROWDCUE_DEV_SERVER ?? 'http://127.0.0.1:8080';

/** `npm run dev` serves a room's pages at the addresses that the server gives them. */
const roomPages: Plugin = {
  name: 'room-pages',
  configureServer(server) {
    server.middlewares.use((request, _response, next) => {
      const found = /^\/r\/[^/?]+(\/stage)?/.exec(request.url ?? '');
      if (found) request.url = found[1] ? '/stage.html' : '/room.html';
      next();
    });
  },
};

const style = (name: string) => readFileSync(new URL(`src/styles/${name}.css`, import.meta.url), 'utf8');

/**
 * The phone's page is painted before any other file has come: the style of its sketch stands in it, and links to
 * the other styles stand behind the sketch. What `start.ts` needs is asked for at once, and not after `main.ts`.
 */
const firstScreen: Plugin = {
  name: 'first-screen',
  transformIndexHtml: {
    order: 'post',
    handler(html, { bundle = {}, chunk, filename }) {
      if (!filename.endsWith('room.html')) return;
      const wanted = new Map<string, 'modulepreload' | 'stylesheet'>();
      const want = (file: string) => {
        const part = bundle[file];
        if (part?.type !== 'chunk' || wanted.has(file)) return;
        wanted.set(file, 'modulepreload');
        part.viteMetadata?.importedCss.forEach((css) => wanted.set(css, 'stylesheet'));
        part.imports.forEach(want);
      };
      chunk?.dynamicImports.filter((file) => /\bstart-/.test(file)).forEach(want);
      const links = [...wanted].map(([file, rel]) => `<link rel="${rel}" crossorigin href="./${file}">`);
      const sketch = (style('tokens') + style('boot')).replace(/\/\*.*?\*\/|\n\s*/gs, '');
      const known = html.match(/<link rel="(?:stylesheet|modulepreload)"[^>]*>/g) ?? [];
      const all = [...new Set([...known, ...links])];
      const without = known.reduce((rest, link) => rest.replace(link, ''), html);
      const late = all.filter((link) => link.includes('"stylesheet"')).join('');
      const early = all.filter((link) => !link.includes('"stylesheet"')).join('');
      return without
        .replace('</head>', () => `<style>${sketch}</style>${early}</head>`)
        .replace('</body>', () => `${late}</body>`);
    },
  },
};

/** Files shorter than this fit into a packet as they are (bytes). */
const WORTH_COMPRESSING = 1_000;

/** Nearly all of these runs at the start: browsers that understand the words compile it beside the main thread. */
const FIRST_SCREEN = /^(early|shared|start|room)-.*\.js$/;
const COMPILE_AT_ONCE = '//# allFunctionsCalledOnLoad\n';

/** Once here, as small as can be, instead of for every phone: the server sends what it finds beside a file. */
const compress: Plugin = {
  name: 'compress',
  apply: 'build',
  writeBundle({ dir }) {
    const assets = join(dir!, 'assets');
    for (const name of readdirSync(assets)) {
      const path = join(assets, name);
      if (FIRST_SCREEN.test(name)) writeFileSync(path, COMPILE_AT_ONCE + readFileSync(path, 'utf8'));
      if (!/\.(js|css|svg)$/.test(name) || statSync(path).size < WORTH_COMPRESSING) continue;
      const bytes = readFileSync(path);
      writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    }
  },
};

export default defineConfig({
  base: './',
  plugins: [svelte(), roomPages, firstScreen, compress],
  server: {
    proxy: {
      '/ws': { target: SERVER, ws: true },
      ...Object.fromEntries(['/api', '/media', '/artwork'].map((path) => [path, { target: SERVER }])),
    },
  },
  build: {
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // A font inlined as data: would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    // Every browser of the target list preloads modules by itself.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: page('index'), room: page('room'), stage: page('stage') },
      output: { codeSplitting: { groups: GROUPS } },
    },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
