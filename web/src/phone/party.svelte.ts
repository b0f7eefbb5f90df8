/** What people do on the phone page, in their words: each wish becomes an op, with its message and its undo. */
import { getContext, setContext } from 'svelte';
import type { Player } from '../sound/player.svelte';
import type { Session } from '../lib/session.svelte';
import { toasts } from '../lib/toasts.svelte';
import { t } from '../lib/words';
import type { Item, Op, Person, Settings, Song, VoteValue } from '../lib/wire';

const KEY = Symbol('party');
/** A cleared queue comes back song by song; beyond this, bringing it back would take too long. */
const MAX_RESTORED = 200;
/** Rate limits may ask us to wait; more often than this the undo gives up. */
const MAX_WAITS = 30;

export class Party {
  /** The song whose sheet is open. */
  selected = $state<string | null>(null);
  sheet = $state<'name' | 'party' | 'settings' | 'now' | 'summary' | null>(null);
  /** The sound of the party on this phone, once it was asked for. */
  listener = $state.raw<Player | null>(null);
  private listening: typeof import('../sound/listener') | null = null;

  constructor(readonly session: Session) {
    session.onRefused = ({ code, message, op }) => toasts.show(inWords(code, message, op), 'bad');
    session.onForgotten = (because) =>
      toasts.show(
        because === 'full'
          ? t('Too much at once. Wait until the connection is back.')
          : t('A tap from a while ago was not sent any more.'),
        'bad',
      );
  }

  vote(song: { id: string; mine: VoteValue }, arrow: 1 | -1): void {
    const value = song.mine === arrow ? 0 : arrow;
    void this.session.ask({ op: 'vote', song_id: song.id, value });
  }

  async add(song: Song): Promise<boolean> {
    const accepted = await this.session.ask(addOp(song), song);
    if (accepted) toasts.show(t('{title} is in the queue.', { title: song.title }), 'good');
    return accepted;
  }

  async remove(item: Song): Promise<void> {
    if (this.selected === item.id) this.selected = null;
    const accepted = await this.session.ask({ op: 'remove', song_id: item.id });
    if (!accepted) return;
    toasts.show(t('Removed {title}.', { title: item.title }), 'plain', {
      label: t('Undo'),
      run: () => void this.session.ask(addOp(item), songOf(item)),
    });
  }

  async clear(): Promise<void> {
    const songs = this.session.rows.filter((row) => !row.pending).slice(0, MAX_RESTORED);
    if (!(await this.session.ask({ op: 'clear' })) || !songs.length) return;
    toasts.show(t('The queue is empty now.'), 'plain', {
      label: t('Undo'),
      run: () => void this.restore(songs),
    });
  }

  private async restore(songs: Song[]): Promise<void> {
    let waits = 0;
    for (let at = 0; at < songs.length;) {
      const song = songs[at] as Song;
      const { accepted, retryAfter } = await this.session.askAgain(addOp(song), songOf(song));
      if (accepted || retryAfter === undefined) at++;
      else if (++waits > MAX_WAITS) return;
      else await new Promise((resolve) => setTimeout(resolve, retryAfter * 1000));
    }
  }

  /** Fetches what listening needs, so that a tap can start the sound at once. */
  async prepareListener(): Promise<void> {
    this.listening ??= await import('../sound/listener').catch(() => null);
  }

  async toggleListen(): Promise<void> {
    if (this.listener?.started) return this.listener.stop();
    if (!this.listening) await this.prepareListener();
    if (!this.listening) {
      toasts.show(t('That did not load. Check your Wi-Fi, or reload the page.'), 'bad');
      return;
    }
    this.listener ??= this.listening.makeListener(
      this.session,
      () => this.session.asPlayer && this.countsAsStage,
    );
    await this.listener.start();
  }

  /** With this person listening the music may run, stage or not. */
  get countsAsStage(): boolean {
    return this.session.isHost || this.session.view?.room.clock === 'anyone';
  }

  /** `pin`: a new one, null for none, undefined for the one there is. */
  async changeSettings(changes: Partial<Settings>, before: Settings, pin?: string | null): Promise<void> {
    const keys = Object.keys(changes) as (keyof Settings)[];
    const wanted = { ...changes, ...(pin === undefined ? {} : { pin }) };
    if (!Object.keys(wanted).length || !(await this.session.ask({ op: 'settings', ...wanted }))) return;
    const back = Object.fromEntries(keys.map((key) => [key, before[key]])) as Partial<Settings>;
    // Nobody knows the PIN of before, so what was done to it stays done.
    const undo = { label: t('Undo'), run: () => void this.session.ask({ op: 'settings', ...back }) };
    toasts.show(t('Settings saved.'), 'plain', keys.length ? undo : undefined);
  }

  async ban({ id, name }: Person): Promise<void> {
    this.selected = null;
    if (!(await this.session.ask({ op: 'ban', member: id }))) return;
    toasts.show(t('{name} has to stay outside.', { name }), 'plain', {
      label: t('Undo'),
      run: () => void this.session.ask({ op: 'unban', member: id }),
    });
  }

  skipNow(): void {
    const playing = this.session.playing;
    void this.session.ask({ op: 'play_next', expected: playing?.play ?? null });
  }

  togglePause(): void {
    void this.session.ask({ op: this.session.playing?.paused_at == null ? 'pause' : 'resume' });
  }

  /** My wish to skip holds for the play it was made for. */
  toggleSkipVote(): void {
    const play = this.session.playing?.play;
    if (play === undefined) return;
    const want = this.session.skipWish !== play;
    this.session.skipWish = want ? play : null;
    void this.session.ask({ op: 'skip', want }).then((accepted) => {
      if (!accepted) this.session.skipWish = want ? null : play;
    });
  }
}

/** Only what a song is: a queue item's numbers do not belong into a new one. */
function songOf({ id, title, artist, duration, album, uri, artwork }: Song): Song {
  return {
    id,
    title,
    artist,
    duration,
    ...(album ? { album } : {}),
    ...(uri ? { uri } : {}),
    ...(artwork ? { artwork } : {}),
  };
}

function addOp(song: Song): Op {
  // The library knows its own songs better than a copy of their metadata does.
  return song.uri?.startsWith('/media/')
    ? { op: 'add', song_id: song.id }
    : { op: 'add', song: songOf(song) };
}

function inWords(code: string, message: string, op: Op): string {
  if (code === 'no_such_song' && op.op === 'vote') return t('That song has just left the queue.');
  if (code === 'stale') return t('Somebody else was quicker.');
  if (code === 'unavailable') return t('The server is busy. Please try again.');
  return message;
}

export const own = (item: Pick<Item, 'by'>, session: Session): boolean =>
  session.me !== null && item.by.id === session.me.id;

export function provideParty(session: Session): Party {
  return setContext(KEY, new Party(session));
}

export const useParty = (): Party => getContext<Party>(KEY);
