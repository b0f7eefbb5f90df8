/** Puts the living page in place of the sketch that came with it, as soon as there is something to show. */
import { mount } from 'svelte';
import { Session } from '../lib/session.svelte';
import Phone from './Phone.svelte';

/** The sketch shows the room's songs, so it may stand until the room itself is here; no longer than this (ms). */
const PATIENCE = 1_500;
/** Fetched while the network has nothing better to do, so that the first words are drawn only once. */
const FONTS = ['1em "Figtree Variable"', '1em "Bricolage Grotesque Variable"'];

/** The page's links to its styles stand behind the sketch, which is painted without them. */
async function styled(): Promise<void> {
  if (document.readyState === 'loading')
    await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve));
  const links = document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]');
  await Promise.all(
    [...links].map((link) => link.sheet || new Promise((resolve) => (link.onload = link.onerror = resolve))),
  );
}

export function start(code: string): void {
  for (const font of FONTS) void document.fonts.load(font).catch(() => undefined);
  const session = new Session(code);
  session.start();
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  void Promise.all([styled(), Promise.race([session.first, patience])]).then(() => {
    const target = document.getElementById('app') as HTMLElement;
    target.replaceChildren();
    mount(Phone, { target, props: { session } });
  });
}
