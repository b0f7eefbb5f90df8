/** Paints the page in the mood of what plays: reads the artwork on a canvas and sets custom properties. */
import { artworkUrl } from './base';
import { accentFor, fromHsl, hueOf, meanColour, type Rgb, type Scheme } from './colour';
import type { Song } from './wire';

/** So few pixels are enough for a mood. */
const SIDE = 24;
const RESTING: Rgb = [255, 176, 92];
const known = new Map<string, Rgb>();
const KNOWN_MAX = 50;

async function readMood(url: string): Promise<Rgb> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no canvas');
  context.drawImage(image, 0, 0, SIDE, SIDE);
  return meanColour(context.getImageData(0, 0, SIDE, SIDE).data);
}

async function moodOf(song: Song | undefined): Promise<Rgb> {
  if (!song) return RESTING;
  const url = artworkUrl(song.artwork);
  const fallback = fromHsl(hueOf(song.id), 0.6, 0.5);
  if (!url) return fallback;
  const kept = known.get(url);
  if (kept) return kept;
  const mood = await readMood(url).catch(() => fallback);
  if (known.size >= KNOWN_MAX) known.delete(known.keys().next().value!);
  known.set(url, mood);
  return mood;
}

/** Sets --accent, --on-accent, --mood and --mood-2 on the root; `cancelled` tells that a newer song came. */
export async function paint(song: Song | undefined, scheme: Scheme, cancelled: () => boolean): Promise<void> {
  const mood = await moodOf(song);
  if (cancelled()) return;
  const { accent, onAccent, mood: one, mood2 } = accentFor(mood, scheme);
  const style = document.documentElement.style;
  style.setProperty('--accent', accent);
  style.setProperty('--on-accent', onAccent);
  style.setProperty('--mood', one);
  style.setProperty('--mood-2', mood2);
}
