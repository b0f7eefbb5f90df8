/** What a night was made of, from its plays: favourites, contributors, timeline, and files to keep; pure. */
import type { PastTrack } from './api';

export interface Night {
  songs: number;
  /** Seconds that sounded. */
  length: number;
  loved: { song: PastTrack; score: number }[];
  people: { name: string; songs: number; score: number }[];
  /** Plays an hour, from the first hour to the last. */
  hours: { at: number; songs: number }[];
}

const HOUR = 3_600_000;
const MOST_HOURS = 48;

const scoreOf = (track: PastTrack) => (track.up ?? 0) - (track.down ?? 0);
const sounded = (track: PastTrack) =>
  track.played_at && track.ended_at
    ? Math.min(track.duration, (track.ended_at - track.played_at) / 1000)
    : track.duration;

/** `plays` in any order. */
export function nightOf(plays: readonly PastTrack[], most = 5): Night {
  const loved = new Map<string, { song: PastTrack; score: number }>();
  const people = new Map<string, { name: string; songs: number; score: number }>();
  for (const song of plays) {
    const score = scoreOf(song);
    const known = loved.get(song.id);
    if (!known || known.score < score) loved.set(song.id, { song, score });
    if (!song.by?.name) continue;
    const person = people.get(song.by.id) ?? { name: song.by.name, songs: 0, score: 0 };
    people.set(song.by.id, { name: song.by.name, songs: person.songs + 1, score: person.score + score });
  }
  return {
    songs: plays.length,
    length: plays.reduce((sum, track) => sum + sounded(track), 0),
    loved: [...loved.values()]
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, most),
    people: [...people.values()].sort((a, b) => b.songs - a.songs || b.score - a.score).slice(0, most),
    hours: hoursOf(plays),
  };
}

function hoursOf(plays: readonly PastTrack[]): Night['hours'] {
  const counts = new Map<number, number>();
  for (const { played_at } of plays) {
    if (!played_at) continue;
    const hour = Math.floor(played_at / HOUR);
    counts.set(hour, (counts.get(hour) ?? 0) + 1);
  }
  if (!counts.size) return [];
  const last = Math.max(...counts.keys());
  const first = Math.max(Math.min(...counts.keys()), last - MOST_HOURS + 1);
  return Array.from({ length: last - first + 1 }, (_, step) => ({
    at: (first + step) * HOUR,
    songs: counts.get(first + step) ?? 0,
  }));
}

/** A cell that no spreadsheet takes for a formula. */
function cell(value: string | number): string {
  const text = String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const iso = (ms: number | undefined) => (ms ? new Date(ms).toISOString() : '');

export function toCsv(plays: readonly PastTrack[]): string {
  const head = ['played_at', 'title', 'artist', 'album', 'seconds', 'added_by', 'up', 'down', 'id'];
  const lines = plays.map((track) => [
    iso(track.played_at),
    track.title,
    track.artist,
    track.album ?? '',
    track.duration,
    track.by?.name ?? '',
    track.up ?? 0,
    track.down ?? 0,
    track.id,
  ]);
  // Spreadsheets take the mark at the start as a sign that this is UTF-8.
  return '\ufeff' + [head, ...lines].map((line) => line.map(cell).join(',') + '\r\n').join('');
}

/** `address` makes a whole address of a song's uri, or undefined when it has no sound. */
export function toM3u(
  plays: readonly PastTrack[],
  address: (uri: string | undefined) => string | undefined,
): string {
  const oneLine = (text: string) => text.replace(/\s+/g, ' ');
  const songs = plays.flatMap((track) => {
    const where = address(track.uri);
    const title = oneLine(`${track.artist} - ${track.title}`);
    return where ? [`#EXTINF:${Math.round(track.duration)},${title}`, where] : [`# ${title}`];
  });
  return ['#EXTM3U', ...songs, ''].join('\n');
}

export const toJson = (plays: readonly PastTrack[]): string => JSON.stringify(plays, null, 2) + '\n';
