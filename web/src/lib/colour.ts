/** From the pixels of an artwork, or from a song's id, to one accent colour that can be read; pure. */

export type Rgb = readonly [number, number, number];
export type Scheme = 'dark' | 'light';

/** The least favourable surfaces of each scheme; base.css uses the same values. */
const SURFACE: Record<Scheme, Rgb> = { dark: [51, 43, 36], light: [241, 232, 220] };
const READABLE = 4.6;
/** Luminance that a glow behind text may have at most (dark), or must have at least (light). */
const GLOW = { dark: 0.075, light: 0.6 };

export interface Accent {
  /** Reads as text on every surface of the scheme. */
  accent: string;
  /** Reads as text on the accent. */
  onAccent: string;
  /** Moods for glows and gradients behind text. */
  mood: string;
  mood2: string;
}

export function luminance([r, g, b]: Rgb): number {
  const linear = (v: number) => (v <= 10.31 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

export function contrast(a: Rgb, b: Rgb): number {
  const [la, lb] = [luminance(a), luminance(b)];
  return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05);
}

/** Hue in degrees, saturation and lightness 0 to 1. */
export function toHsl([r, g, b]: Rgb): [number, number, number] {
  const [x, y, z] = [r / 255, g / 255, b / 255];
  const max = Math.max(x, y, z);
  const span = max - Math.min(x, y, z);
  const l = max - span / 2;
  if (!span) return [0, 0, l];
  const h = max === x ? (y - z) / span : max === y ? 2 + (z - x) / span : 4 + (x - y) / span;
  return [(h * 60 + 360) % 360, span / (1 - Math.abs(2 * l - 1)), l];
}

export function fromHsl(h: number, s: number, l: number): Rgb {
  const channel = (n: number) => {
    const k = (n + h / 30) % 12;
    return Math.round(255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

const css = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;

/** A small, even hash, the same everywhere; for colours, not for secrets. */
export function hash(text: string): number {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  h = Math.imul(h ^ (h >>> 15), 2246822507);
  return (h ^ (h >>> 13)) >>> 0;
}

/** The mood of a song without artwork. */
export const hueOf = (id: string): number => hash(id) % 360;

/** The mean of RGBA pixels, in which colourful ones count for more than grey, black and white. */
export function meanColour(pixels: Uint8ClampedArray): Rgb {
  const sum = [0, 0, 0];
  let weights = 0;
  for (let i = 0; i + 3 < pixels.length; i += 4) {
    const rgb: Rgb = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]!];
    const [, s, l] = toHsl(rgb);
    const weight = (0.02 + s * s * (1 - Math.abs(2 * l - 1))) * (pixels[i + 3]! / 255);
    for (let c = 0; c < 3; c++) sum[c]! += rgb[c]! * weight;
    weights += weight;
  }
  if (!weights) return [200, 150, 100];
  return [sum[0]! / weights, sum[1]! / weights, sum[2]! / weights];
}

/** An accent of the given mood whose contrast is at least 4.5:1 on every surface. */
export function accentFor(mood: Rgb, scheme: Scheme): Accent {
  const [h, s] = toHsl(mood);
  // Grey artwork stays near grey, warmed a little; the rest is lifted to a clear, not garish, colour.
  const grey = s < 0.08;
  const hue = grey ? 34 : h;
  const saturation = grey ? 0.25 : Math.min(0.85, Math.max(0.5, s * 1.2));
  const up = scheme === 'dark';
  let l = up ? 0.62 : 0.42;
  let accent = fromHsl(hue, saturation, l);
  while (contrast(accent, SURFACE[scheme]) < READABLE && l > 0.05 && l < 0.95) {
    l += up ? 0.01 : -0.01;
    accent = fromHsl(hue, saturation, l);
  }
  const [ink, paper]: [Rgb, Rgb] = [fromHsl(hue, 0.4, 0.07), [255, 255, 255]];
  return {
    accent: css(accent),
    onAccent: css(contrast(ink, accent) >= contrast(paper, accent) ? ink : paper),
    mood: css(glow(hue, saturation * 0.8, scheme)),
    mood2: css(glow((hue + 325) % 360, saturation * 0.7, scheme)),
  };
}

/** A background of that hue on which the scheme's own ink is easy to read, yellow as well as blue. */
function glow(hue: number, saturation: number, scheme: Scheme): Rgb {
  const up = scheme === 'light';
  let l = up ? 0.7 : 0.42;
  let colour = fromHsl(hue, saturation, l);
  while (up ? luminance(colour) < GLOW.light : luminance(colour) > GLOW.dark) {
    l += up ? 0.01 : -0.01;
    colour = fromHsl(hue, saturation, l);
  }
  return colour;
}
