/** How the three pages are built; every URL stays relative, so that any root path works. */
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const page = (name: string) => fileURLToPath(new URL(`${name}.html`, import.meta.url));

export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // A font inlined as data: would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    // The polyfill is an inline-free no-op on every browser of the target list.
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { index: page('index'), room: page('room'), stage: page('stage') } },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
