/** How the three pages are built; every address stays relative, so that any root path works. */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

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

/** Files shorter than this fit into a packet as they are (bytes). */
const WORTH_COMPRESSING = 1_000;

/** Once here, as small as can be, instead of for every phone: the server sends what it finds beside a file. */
const compress: Plugin = {
  name: 'compress',
  apply: 'build',
  writeBundle({ dir }) {
    const assets = join(dir!, 'assets');
    for (const name of readdirSync(assets)) {
      const path = join(assets, name);
      if (!/\.(js|css|svg)$/.test(name) || statSync(path).size < WORTH_COMPRESSING) continue;
      const bytes = readFileSync(path);
      writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    }
  },
};

export default defineConfig({
  base: './',
  plugins: [svelte(), roomPages, compress],
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
    rolldownOptions: { input: { index: page('index'), room: page('room'), stage: page('stage') } },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
