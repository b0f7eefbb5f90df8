import { beforeEach, describe, expect, it } from 'vitest';
import { Connection, type Effect, type Timer } from '../src/lib/connection';
import { MAX_WAITING } from '../src/lib/outbox';
import type { ClientFrame, ServerFrame, State } from '../src/lib/wire';
import { state } from './make';

const welcome: ServerFrame = {
  t: 'welcome',
  you: { id: 'm1', name: 'Anna', role: 'guest' },
  token: 't',
  now: 0,
};
const refused = (id: string, code: string): ServerFrame => ({ t: 'refused', id, code, message: code });

let now = 0;
let version: [number, string] | undefined;
let connection: Connection;
const sent = (effects: Effect[]): ClientFrame[] =>
  effects.flatMap((effect) => (effect.do === 'send' ? [effect.frame] : []));
const kinds = (effects: Effect[]) => effects.map((effect) => effect.do);
const timer = (effects: Effect[], name: Timer) =>
  effects.flatMap((effect) => (effect.do === 'timer' && effect.timer === name ? [effect.after] : []))[0];
const statuses = (effects: Effect[]) =>
  effects.flatMap((effect) => (effect.do === 'status' ? [effect.status] : []));

function goLive(first: State = state([])) {
  connection.opened();
  connection.received(welcome);
  return connection.received(first);
}

beforeEach(() => {
  now = 0;
  version = undefined;
  const options = {
    now: () => now,
    random: () => 1,
    identity: () => ({ name: 'Anna' }),
    version: () => version,
  };
  connection = new Connection(options);
});

describe('joining', () => {
  it('says hello first, goes live with the state, and then starts to ping', () => {
    expect(kinds(connection.start())).toContain('open');
    expect(sent(connection.opened())).toEqual([{ t: 'hello', name: 'Anna' }]);
    expect(statuses(connection.received(welcome))).toEqual([]);
    const effects = connection.received(state([]));
    expect(statuses(effects)).toEqual(['live']);
    expect(sent(effects).map(({ t }) => t)).toEqual(['ping']);
  });

  it('resumes from the version it holds', () => {
    version = [41, 'ab'];
    connection.start();
    expect(sent(connection.opened())).toEqual([{ t: 'hello', name: 'Anna', since: [41, 'ab'] }]);
    connection.received(welcome);
    expect(statuses(connection.received({ t: 'patch', seq: 41, mark: 'ab' }))).toEqual(['live']);
  });

  it('gives up on a handshake that never answers', () => {
    const after = timer(connection.start(), 'answer');
    expect(after).toBeGreaterThan(1000);
    const effects = connection.elapsed('answer');
    expect(kinds(effects)).toContain('close');
    expect(timer(effects, 'retry')).toBeGreaterThan(0);
  });
});

describe('a room with a PIN', () => {
  const doors = (effects: Effect[]) =>
    effects.flatMap((effect) => (effect.do === 'status' && effect.door ? [effect.door] : []));
  let pin: string | undefined;

  beforeEach(() => {
    pin = undefined;
    connection = new Connection({
      now: () => now,
      random: () => 1,
      identity: () => (pin ? { pin } : {}),
      version: () => version,
    });
    connection.start();
    connection.opened();
  });

  it('waits at the door until somebody types it', () => {
    const effects = connection.closed(4423, 'pin_needed');
    expect(statuses(effects)).toEqual(['locked']);
    expect(doors(effects)).toEqual([{ why: 'pin_needed' }]);
    expect(timer(effects, 'retry')).toBeUndefined();
    for (const happens of [connection.woke(), connection.elapsed('retry'), connection.elapsed('answer')])
      expect(happens).toEqual([]);
    pin = '1234';
    expect(kinds(connection.rejoin())).toContain('open');
    expect(sent(connection.opened())).toEqual([{ t: 'hello', pin: '1234' }]);
    connection.received(welcome);
    expect(statuses(connection.received(state([])))).toEqual(['live']);
  });

  it('tells a wrong one from a missing one, and never tries it again by itself', () => {
    pin = '1234';
    connection.rejoin();
    connection.opened();
    expect(doors(connection.closed(4423, 'bad_pin'))).toEqual([{ why: 'bad_pin' }]);
    connection.rejoin();
    connection.opened();
    const effects = connection.closed(4429, '17');
    expect(doors(effects)).toEqual([{ why: 'too_many', wait: 17 }]);
    expect(timer(effects, 'retry')).toBeUndefined();
  });

  it('comes back by itself from other crowds', () => {
    expect(timer(connection.closed(4429, '17'), 'retry')).toBeGreaterThan(0);
    pin = '1234';
    connection.rejoin();
    connection.opened();
    expect(timer(connection.closed(4429, 'you are here too often'), 'retry')).toBeGreaterThan(0);
  });

  it('stands outside again when the PIN changes, and keeps what was asked for', () => {
    goLive();
    connection.command('c1', { op: 'vote', song_id: 'x', value: 1 });
    expect(statuses(connection.closed(4423, 'pin_needed'))).toEqual(['locked']);
    pin = '1234';
    connection.rejoin();
    const frames = sent(goLive());
    expect(frames[0]).toEqual({ t: 'do', id: 'c1', op: 'vote', song_id: 'x', value: 1 });
  });
});

describe('losing the line', () => {
  it('retries with growing, bounded waits and starts over once live', () => {
    connection.start();
    const waits = Array.from({ length: 9 }, () => {
      const after = timer(connection.closed(1006, ''), 'retry') as number;
      connection.elapsed('retry');
      return after;
    });
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(Math.max(...waits)).toBe(15_000);
    goLive();
    expect(timer(connection.closed(1006, ''), 'retry')).toBe(500);
  });

  it('spreads retries with jitter', () => {
    const half = new Connection({
      now: () => 0,
      random: () => 0,
      identity: () => ({}),
      version: () => undefined,
    });
    half.start();
    expect(timer(half.closed(4508, ''), 'retry')).toBe(250);
  });

  it('keeps away for as long as a draining server asks', () => {
    connection.start();
    goLive();
    expect(timer(connection.closed(4503, '7'), 'retry')).toBe(7000);
    expect(statuses(connection.closed(4503, 'nonsense'))).toEqual([]);
  });

  it.each([
    [4400, 'bad_message'],
    [4403, 'removed'],
    [4404, 'no_such_room'],
  ])('does not come back after %i', (code, reason) => {
    connection.start();
    connection.opened();
    const effects = connection.closed(code, '');
    expect(effects).toContainEqual({ do: 'status', status: 'ended', reason });
    expect(timer(effects, 'retry')).toBeUndefined();
    expect(connection.elapsed('retry')).toEqual([]);
    expect(connection.woke()).toEqual([]);
  });

  it.each([4408, 4429, 4503, 4508, 1006, 1012])('comes back after %i', (code) => {
    connection.start();
    expect(timer(connection.closed(code, ''), 'retry')).toBeGreaterThan(0);
  });

  it('renews a bad token once, and only once without a welcome between', () => {
    connection.start();
    connection.opened();
    expect(kinds(connection.closed(4401, ''))).toContain('renew_identity');
    expect(kinds(connection.identityRenewed())).toContain('open');
    connection.opened();
    expect(connection.closed(4401, '')).toContainEqual({
      do: 'status',
      status: 'ended',
      reason: 'bad_token',
    });
  });

  it('may renew again after it has been live', () => {
    connection.start();
    connection.closed(4401, '');
    connection.identityRenewed();
    goLive();
    expect(kinds(connection.closed(4401, ''))).toContain('renew_identity');
  });

  it('notices a silent line, and later pings do not put that off', () => {
    connection.start();
    expect(timer(goLive(), 'answer')).toBe(8000);
    expect(timer(connection.elapsed('ping'), 'answer')).toBeUndefined();
    connection.received({ t: 'pong', at: 0, now: 0 });
    expect(timer(connection.elapsed('ping'), 'answer')).toBe(8000);
    expect(statuses(connection.elapsed('answer'))).toEqual(['offline']);
  });

  it('proves the line quickly when the phone wakes, or reopens at once', () => {
    connection.start();
    goLive();
    expect(timer(connection.woke(), 'answer')).toBeLessThanOrEqual(700);
    expect(kinds(connection.elapsed('answer'))).toContain('open');
    goLive();
    expect(kinds(connection.elapsed('answer'))).not.toContain('open');
    expect(kinds(connection.woke())).toContain('open');
  });
});

describe('commands', () => {
  it('wait while offline and are sent in order, with their ids, after the resume', () => {
    connection.start();
    expect(sent(connection.command('1', { op: 'vote', song_id: 'a', value: 1 }))).toEqual([]);
    connection.command('2', { op: 'remove', song_id: 'b' });
    expect(
      sent(goLive())
        .filter((frame) => frame.t === 'do')
        .map((frame) => frame.id),
    ).toEqual(['1', '2']);
  });

  it('without an answer are sent again after a reconnect, answered ones are not', () => {
    connection.start();
    goLive();
    expect(sent(connection.command('1', { op: 'remove', song_id: 'a' }))).toHaveLength(1);
    connection.command('2', { op: 'remove', song_id: 'b' });
    connection.received({ t: 'done', id: '1', seq: 2 });
    connection.closed(1006, '');
    connection.elapsed('retry');
    expect(
      sent(goLive())
        .filter((frame) => frame.t === 'do')
        .map((frame) => frame.id),
    ).toEqual(['2']);
  });

  it('offline votes for one song become one', () => {
    connection.start();
    connection.command('1', { op: 'vote', song_id: 'a', value: 1 });
    expect(connection.command('2', { op: 'vote', song_id: 'a', value: -1 })).toEqual([
      { do: 'forget', ids: ['1'], because: 'replaced' },
    ]);
    expect(sent(goLive()).filter((frame) => frame.t === 'do')).toEqual([
      { t: 'do', id: '2', op: 'vote', song_id: 'a', value: -1 },
    ]);
  });

  it('are bounded', () => {
    connection.start();
    for (let i = 0; i < MAX_WAITING; i++) connection.command(`${i}`, { op: 'remove', song_id: `${i}` });
    expect(connection.command('last', { op: 'remove', song_id: 'x' })).toEqual([
      { do: 'forget', ids: ['last'], because: 'full' },
    ]);
    expect(connection.outbox.size).toBe(MAX_WAITING);
  });

  it('of the moment do not surprise anyone later', () => {
    connection.start();
    connection.command('1', { op: 'pause' });
    connection.command('2', { op: 'vote', song_id: 'a', value: 1 });
    now = 60_000;
    const effects = goLive();
    expect(effects).toContainEqual({ do: 'forget', ids: ['1'], because: 'expired' });
    expect(
      sent(effects)
        .filter((frame) => frame.t === 'do')
        .map((frame) => frame.id),
    ).toEqual(['2']);
  });

  it('repeat with the same id while the outcome is unknown, then report it', () => {
    connection.start();
    goLive();
    connection.command('1', { op: 'remove', song_id: 'a' });
    for (let attempt = 0; attempt < 5; attempt++) {
      const effects = connection.received(refused('1', 'unavailable'));
      expect(kinds(effects)).not.toContain('deliver');
      expect(timer(effects, 'repeat')).toBeGreaterThan(0);
      expect(sent(connection.elapsed('repeat'))).toMatchObject([{ t: 'do', id: '1' }]);
    }
    expect(kinds(connection.received(refused('1', 'unavailable')))).toContain('deliver');
    expect(connection.outbox.size).toBe(0);
  });

  it('that are refused are delivered and forgotten', () => {
    connection.start();
    goLive();
    connection.command('1', { op: 'clear' });
    expect(kinds(connection.received(refused('1', 'forbidden')))).toContain('deliver');
    expect(connection.outbox.size).toBe(0);
  });
});
