/** What is told about queues and nights: reasons, previews, summaries, files, and how loud a song is. */
import { describe, expect, it } from 'vitest';
import type { PastTrack } from '../src/lib/api';
import { nightOf, toCsv, toJson, toM3u } from '../src/lib/night';
import { underPolicy } from '../src/lib/preview';
import { reason } from '../src/lib/reason';
import { gainFor, measure, TARGET } from '../src/sound/loudness';

const queued = (id: string, by: string, score = 0, added_at = 0) => ({
  id,
  score,
  added_at,
  by: { id: by, name: by },
});

describe('the reason for a place', () => {
  const queue = [queued('a', 'ann', 5), queued('b', 'ben', 2), queued('c', 'cid', 2), queued('d', 'ann', 1)];

  it('counts what has more votes, and says when it is only age', () => {
    expect(reason(queue, 0, 'votes')).toBe('');
    expect(reason(queue, 1, 'votes')).toBe('1 song has more votes');
    expect(reason(queue, 3, 'votes')).toBe('3 songs have more votes');
    expect(reason([queued('a', 'x'), queued('b', 'y')], 1, 'votes')).toBe(
      '1 song with as many votes came earlier',
    );
  });

  it('follows the policy', () => {
    expect(reason(queue, 2, 'first_come')).toBe('2 songs were added before');
    expect(reason(queue, 3, 'fair')).toBe('2 other guests have a turn first');
    expect(reason([queued('a', 'x'), queued('b', 'x')], 1, 'fair')).toBe('your other songs come first');
  });
});

describe('the preview of a policy', () => {
  const queue = [
    queued('a1', 'ann', 9, 1),
    queued('a2', 'ann', 8, 2),
    queued('b1', 'ben', 1, 3),
    queued('b2', 'ben', 7, 4),
    queued('c1', 'cid', 3, 5),
  ];
  const order = (policy: 'votes' | 'fair' | 'first_come', playing?: string) =>
    underPolicy(queue, policy, playing)
      .map(({ id }) => id)
      .join(' ');

  it('deals as the server does', () => {
    expect(order('votes')).toBe('a1 a2 b2 c1 b1');
    expect(order('first_come')).toBe('a1 a2 b1 b2 c1');
    expect(order('fair')).toBe('a1 c1 b1 a2 b2');
  });

  it('counts what plays as a turn taken', () => {
    expect(order('fair', 'ann')).toBe('c1 b1 a1 b2 a2');
  });
});

const play = (n: number, more: Partial<PastTrack> = {}): PastTrack => ({
  id: `s${n}`,
  title: `Song ${n}`,
  artist: 'Band',
  duration: 100,
  play: n,
  played_at: Date.UTC(2026, 5, 1, 20, n),
  by: { id: 'm1', name: 'Ann' },
  up: n,
  down: 0,
  ...more,
});

describe('the night', () => {
  it('knows favourites, contributors, its length and its hours', () => {
    const night = nightOf([
      play(1),
      play(2, { ended_at: Date.UTC(2026, 5, 1, 20, 2, 30) }),
      play(3, { by: { id: 'm2', name: 'Ben' }, up: 7, played_at: Date.UTC(2026, 5, 1, 22, 5) }),
      play(4, { id: 's3', by: { id: 'm2', name: 'Ben' }, up: 0, down: 2 }),
    ]);
    expect(night.songs).toBe(4);
    expect(night.length).toBe(330);
    expect(night.loved.map(({ song, score }) => [song.id, score])).toEqual([
      ['s3', 7],
      ['s2', 2],
      ['s1', 1],
    ]);
    expect(night.people).toEqual([
      { name: 'Ben', songs: 2, score: 5 },
      { name: 'Ann', songs: 2, score: 3 },
    ]);
    expect(night.hours.map(({ songs }) => songs)).toEqual([3, 0, 1]);
    expect(nightOf([])).toEqual({ songs: 0, length: 0, loved: [], people: [], hours: [] });
  });

  it('is written so that spreadsheets and players read it back, and no cell is a formula', () => {
    const odd = play(1, { title: '=cmd(), "x"', artist: 'A\nB', uri: '/media/s1' });
    const csv = toCsv([odd]);
    expect(csv.split('\r\n')[1]).toBe(`2026-06-01T20:01:00.000Z,"'=cmd(), ""x""","A\nB",,100,Ann,1,0,s1`);
    expect(toM3u([odd, play(2)], (uri) => uri && `http://x${uri}`)).toBe(
      '#EXTM3U\n#EXTINF:100,A B - =cmd(), "x"\nhttp://x/media/s1\n# Band - Song 2\n',
    );
    expect(JSON.parse(toJson([odd]))).toEqual([odd]);
  });
});

describe('loudness', () => {
  const RATE = 8_000;
  const tone = (level: number, seconds = 4) =>
    Float32Array.from({ length: RATE * seconds }, (_, n) => level * Math.sin((2 * Math.PI * 440 * n) / RATE));
  const after = (sound: Float32Array) => {
    const found = measure([sound], RATE);
    return found.loudness + 20 * Math.log10(gainFor(found));
  };

  it('brings loud and quiet songs to the same loudness', () => {
    for (const level of [0.12, 0.3, 0.8]) expect(after(tone(level))).toBeCloseTo(TARGET, 1);
  });

  it('does not count pauses, and leaves silence alone', () => {
    const paused = new Float32Array(RATE * 12);
    paused.set(tone(0.3));
    expect(measure([paused], RATE).loudness).toBeCloseTo(measure([tone(0.3)], RATE).loudness, 0);
    expect(gainFor(measure([new Float32Array(RATE)], RATE))).toBe(1);
    expect(gainFor(measure([], RATE))).toBe(1);
  });

  it('never lifts a peak into clipping', () => {
    const quiet = tone(0.05);
    quiet[100] = 0.9;
    expect(gainFor(measure([quiet], RATE)) * 0.9).toBeLessThan(1);
  });
});
