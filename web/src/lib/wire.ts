/** The messages of protocol version 1, one type per message; nothing here but shapes. */

export const SUBPROTOCOL = 'crowdcue.v1.msgpack';

export interface Song {
  id: string;
  title: string;
  artist: string;
  /** Seconds. */
  duration: number;
  album?: string;
  /** A path below the base, or an http(s) address. */
  uri?: string;
  /** A path below the base. */
  artwork?: string;
}

export interface Person {
  id: string;
  name: string;
}

export interface Item extends Song {
  score: number;
  up: number;
  down: number;
  by: Person;
  /** Milliseconds of log time. */
  added_at: number;
  /** Ascending keys are play order, whatever the policy. */
  key: number[];
}

export type VoteValue = -1 | 0 | 1;
export type Votes = Record<string, VoteValue>;

export interface Playing {
  song: Song;
  by?: Person;
  /** Rises with each song started. */
  play: number;
  /** Milliseconds; see `positionAt` in clock.ts. */
  position: number;
  started_at: number;
  paused_at: number | null;
  paused_by: 'host' | 'auto' | null;
  /** How many want to skip, of how many it takes; 0 needed: skip votes are off. */
  skip?: { votes: number; needed: number };
}

export interface Played {
  song: Song;
  play: number;
  played_at: number;
}

export type Policy = 'votes' | 'fair' | 'first_come';

export interface Settings {
  name: string;
  policy: Policy;
  /** 0: no limit. */
  songs_per_guest: number;
  /** Seconds before a song may come again. */
  cooldown: number;
  downvotes: boolean;
  /** 0 to 1; 0: off. */
  skip_share: number;
  skip_minimum: number;
  /** Seconds. */
  longest: number;
  library_only: boolean;
  clock: 'stage' | 'anyone';
  autofill: boolean;
}

export interface Room extends Partial<Settings> {
  code: string;
  name: string;
  policy: Policy;
  /** 0 to 100. */
  volume?: number;
  /** How many guests the host has sent away. */
  banned?: number;
  /** Guests need the PIN to come in; nobody is told which it is. */
  pin?: boolean;
}

export interface Me {
  id: string;
  name: string;
  role: 'host' | 'guest';
}

// Client to server

export interface Hello {
  t: 'hello';
  token?: string;
  host?: string;
  name?: string;
  pin?: string;
  since?: [number, string];
  as?: 'player';
}

export type Op =
  | { op: 'add'; song: Song }
  | { op: 'add'; song_id: string }
  | { op: 'remove'; song_id: string }
  | { op: 'vote'; song_id: string; value: VoteValue }
  | { op: 'skip'; want: boolean }
  | { op: 'rename'; name: string }
  | { op: 'play_next'; expected?: number | null }
  | { op: 'ended'; play: number; reason: 'end' | 'error' }
  | { op: 'pause' }
  | { op: 'resume' }
  | { op: 'seek'; position: number }
  | { op: 'volume'; value: number }
  | { op: 'clear' }
  | { op: 'promote'; member: string }
  | { op: 'ban'; member: string }
  | { op: 'unban'; member: string }
  | ({ op: 'settings'; pin?: string | null } & Partial<Settings>);

export type Do = { t: 'do'; id: string } & Op;
export interface Ping {
  t: 'ping';
  at: number;
}

export const REACTIONS = ['🎉', '❤️', '🔥', '😂', '👏', '🕺'] as const;
export type Emoji = (typeof REACTIONS)[number];
export interface React {
  t: 'react';
  emoji: Emoji;
}
export type ClientFrame = Hello | Do | Ping | React;

// Server to client

export interface Welcome {
  t: 'welcome';
  you: Me;
  token: string;
  now: number;
}

export interface State {
  t: 'state';
  seq: number;
  mark: string;
  room: Room;
  playing: Playing | null;
  queue: Item[];
  history: Played[];
  mine: Votes;
}

export interface Patch {
  t: 'patch';
  seq: number;
  mark: string;
  del?: string[];
  set?: (Partial<Item> & { id: string })[];
  playing?: Playing | null;
  history?: Played[];
  room?: Partial<Room>;
}

export interface Mine {
  t: 'mine';
  votes: Votes;
  all?: boolean;
}

export interface Done {
  t: 'done';
  id: string;
  seq: number;
  result?: unknown;
}

export interface Refused {
  t: 'refused';
  id: string;
  code: string;
  message: string;
  retry_after?: number;
}

export interface Here {
  t: 'here';
  members: number;
  players: number;
  names?: string[];
  /** Screens without host rights that would like to make sound. */
  asking?: Person[];
}

export interface Pong {
  t: 'pong';
  at: number;
  now: number;
}

/** Host rights came while the connection was up. */
export interface You {
  t: 'you';
  you: Me;
}

export interface Reactions {
  t: 'reactions';
  list: { emoji: string; name: string }[];
}

export type ServerFrame = Welcome | State | Patch | Mine | Done | Refused | Here | Pong | You | Reactions;
