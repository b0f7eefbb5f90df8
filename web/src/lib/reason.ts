/** Why a song stands where it stands, in words; pure. */
import { t, tn } from './words';
import type { Item, Policy } from './wire';

type Standing = Pick<Item, 'score' | 'by'>;

/** What keeps the song at `at` from being next; empty for the one that is. */
export function reason(queue: readonly Standing[], at: number, policy: Policy): string {
  const song = queue[at];
  if (!song || at === 0) return '';
  const ahead = queue.slice(0, at);
  if (policy === 'first_come') return tn(at, '{n} song was added before', '{n} songs were added before');
  if (policy === 'fair') {
    const others = new Set(ahead.map(({ by }) => by.id).filter((id) => id !== song.by.id)).size;
    if (others) return tn(others, '{n} other guest has a turn first', '{n} other guests have a turn first');
    return t('your other songs come first');
  }
  const better = ahead.filter(({ score }) => score > song.score).length;
  if (!better)
    return tn(at, '{n} song with as many votes came earlier', '{n} songs with as many votes came earlier');
  return tn(better, '{n} song has more votes', '{n} songs have more votes');
}
