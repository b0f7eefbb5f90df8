/** "Listen here": the room's sound on a phone, without an audio graph, so that it goes on behind a lock screen. */
import type { Session } from '../lib/session.svelte';
import { Player } from './player.svelte';

/** A player with elements of its own; `leads`: this listener speaks for the room, too. */
export function makeListener(session: Session, leads: () => boolean): Player {
  const [first, second, foreign] = [0, 1, 2].map((at) => {
    const audio = new Audio();
    audio.id = at ? `audio-${at}` : 'audio';
    audio.preload = 'auto';
    document.body.append(audio);
    // Within a tap this is what lets a phone's browser play it later without another one.
    audio.load();
    return audio;
  }) as [HTMLAudioElement, HTMLAudioElement, HTMLAudioElement];
  return new Player(session, [first, second], foreign, { graph: false, leads });
}
