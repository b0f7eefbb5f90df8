/** Numbers and names in words for people. */
import { language, t } from './words';

/** Seconds as 3:07 or 1:02:09. */
export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${h ? String(m).padStart(2, '0') : m}:${String(s).padStart(2, '0')}`;
  return h ? `${h}:${tail}` : tail;
}

/** Seconds as "about 11 minutes". */
export function about(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return t('less than a minute');
  if (minutes === 1) return t('about a minute');
  if (minutes < 60) return t('about {n} minutes', { n: minutes });
  const hours = Math.round(minutes / 30) / 2;
  return hours === 1 ? t('about an hour') : t('about {n} hours', { n: hours });
}

export function ordinal(n: number): string {
  if (language() === 'de') return `${n}.`;
  const teen = n % 100 >= 11 && n % 100 <= 13;
  const suffix = teen ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${suffix}`;
}

/** A signed score with a real minus sign. */
export const signed = (n: number): string => (n < 0 ? `−${-n}` : String(n));

/** Time of day of a log time in ms. */
export const timeOfDay = (ms: number): string =>
  new Date(ms).toLocaleTimeString(language() === 'en' ? [] : language(), {
    hour: '2-digit',
    minute: '2-digit',
  });

const MOODS = [
  'Cosy',
  'Golden',
  'Velvet',
  'Sunny',
  'Midnight',
  'Mellow',
  'Electric',
  'Gentle',
  'Lucky',
  'Silver',
];
const BEINGS = [
  'Otter',
  'Fox',
  'Heron',
  'Lynx',
  'Panda',
  'Robin',
  'Tiger',
  'Moth',
  'Koala',
  'Magpie',
  'Dolphin',
];

/** A friendly nickname to start from. */
export function suggestedName(random: () => number = Math.random): string {
  const pick = (words: string[]) => words[Math.floor(random() * words.length)];
  return `${pick(MOODS)} ${pick(BEINGS)}`;
}
