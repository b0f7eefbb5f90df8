/** Decides which changes of a room are worth saying aloud; pure. */
import { t } from './words';
import type { View } from './room';

export interface News {
  text: string;
  /** It concerns a song of this person: worth a visible message, too. */
  personal: boolean;
}

const names = (view: View, mine: string) =>
  new Map(view.queue.flatMap((item, at) => (item.by.id === mine ? [[item.id, { at, item }] as const] : [])));

/** What to say when `before` became `after` for the member `me`. */
export function news(before: View, after: View, me: string): News[] {
  const said: News[] = [];
  const old = before.playing;
  const now = after.playing;
  const [mineBefore, mineAfter] = [names(before, me), names(after, me)];
  if (now && now.play !== old?.play) {
    const own = mineBefore.has(now.song.id);
    const { title, artist } = now.song;
    said.push(
      own
        ? { text: t('Your song {title} is playing now.', { title }), personal: true }
        : { text: t('Now playing {title} by {artist}.', { title, artist }), personal: false },
    );
  } else if (!now && old) said.push({ text: t('The music has stopped.'), personal: false });
  for (const [id, { at, item }] of mineAfter) {
    const was = mineBefore.get(id)?.at;
    if (was !== undefined && was !== at && at === 0)
      said.push({ text: t('Your song {title} is next.', { title: item.title }), personal: true });
  }
  return said;
}
