/** Tells the system what plays, and lets its media keys speak to the room instead of to the audio element. */
import { artworkUrl } from '../lib/base';
import type { Playing } from '../lib/wire';

export function showMedia(playing: Playing | null): void {
  if (!('mediaSession' in navigator)) return;
  const artwork = artworkUrl(playing?.song.artwork);
  navigator.mediaSession.metadata = playing
    ? new MediaMetadata({
        title: playing.song.title,
        artist: playing.song.artist,
        album: playing.song.album ?? '',
        artwork: artwork ? [{ src: artwork }] : [],
      })
    : null;
  navigator.mediaSession.playbackState = !playing
    ? 'none'
    : playing.paused_at === null
      ? 'playing'
      : 'paused';
}

export function takeMediaKeys(pause: () => void, next: () => void): () => void {
  if (!('mediaSession' in navigator)) return () => {};
  const keys = { play: pause, pause, nexttrack: next } as const;
  const set = (on: boolean) => {
    for (const [key, run] of Object.entries(keys))
      navigator.mediaSession.setActionHandler(key as keyof typeof keys, on ? run : null);
  };
  set(true);
  return () => set(false);
}
