import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../controller/clock.ts';
import type { GuestEvent } from './events.ts';
import { createGuestLinks } from './guest-link.ts';
import type { GuestLinks, GuestLinkState } from './guest-links.ts';
import { frame, TestLogStore, TestSupervisor, until } from './testing.ts';

const uid = 'g1';
const stream = `guest/${uid}`;

let supervisor: TestSupervisor;
let logStore: TestLogStore;
let links: GuestLinks;
let events: GuestEvent[];
let states: GuestLinkState[];
let logged: string;

beforeEach(async () => {
  supervisor = await TestSupervisor.open();
  logStore = new TestLogStore();
  logged = '';
  links = start();
});
afterEach(async () => {
  await links.close();
  await supervisor[Symbol.asyncDispose]();
  expect(logged).not.toContain(supervisor.secret);
});

/** A controller starts, with what the store holds. */
function start(): GuestLinks {
  events = [];
  states = [];
  return createGuestLinks({
    logStore,
    clock: hurried,
    log: pino({ level: 'trace' }, { write: (line) => (logged += line) }),
    onEvent: (_, event) => events.push(event),
    onState: (_, state) => states.push(state),
    random: () => 0,
  });
}

/** Pauses are a twentieth of what they are. */
const hurried: Clock = { ...systemClock, after: (ms, callback) => systemClock.after(ms / 20, callback) };

const endpoint = () => ({ host: '127.0.0.1', port: supervisor.port, secret: supervisor.secret });
const connected = () => until(() => links.state(uid)?.connected === true);
const stored = (count: number) => until(() => logStore.texts(stream).length >= count);

describe('createGuestLinks', () => {
  it('stores what the guest prints, and goes on as it comes', async () => {
    supervisor.write(frame('o', 'one'), frame('e', 'two'));
    links.ensure(uid, endpoint());
    await connected();
    supervisor.write(frame('o', 'three'));
    await stored(3);
    expect(await logStore.read(stream)).toMatchObject([
      { source: 'stdout', text: 'one', time: new Date(1_700_000_000_000) },
      { source: 'stderr', text: 'two' },
      { source: 'stdout', text: 'three' },
    ]);
    expect(await logStore.resumeAt(stream)).toBe(supervisor.log.length);
  });

  it('neither loses nor repeats a line when the connection breaks again and again', async () => {
    links.ensure(uid, endpoint());
    const wanted: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      await connected();
      for (let line = 0; line < 50; line += 1) {
        wanted.push(`${round}.${line}`);
        supervisor.write(frame('o', `${round}.${line}`));
        if (line === 25) supervisor.disconnect();
      }
      await until(() => supervisor.asked.length > round);
    }
    await stored(wanted.length);
    expect(logStore.texts(stream)).toEqual(wanted);
  });

  it('neither loses nor repeats a line when the controller starts anew', async () => {
    supervisor.write(frame('o', 'one'));
    links.ensure(uid, endpoint());
    await stored(1);
    await links.close();
    supervisor.write(frame('o', 'two'));
    links = start();
    links.ensure(uid, endpoint());
    await stored(2);
    expect(logStore.texts(stream)).toEqual(['one', 'two']);
  });

  it('stores what has arrived before it ends', async () => {
    supervisor.write(frame('o', 'one'));
    links.ensure(uid, endpoint());
    await connected();
    await until(() => events.length >= 0 && supervisor.asked.length === 1);
    supervisor.write(frame('s', 'event=boot version=1'));
    await until(() => events.length === 1);
    await links.drop(uid);
    expect(logStore.texts(stream)).toEqual(['one', 'The guest started.']);
    expect(links.state(uid)).toBeUndefined();
    await until(() => supervisor.connections === 0);
  });

  it('says how much is gone when the guest kept no more', async () => {
    supervisor.write(frame('o', 'one'), frame('o', 'two'));
    supervisor.forget(frame('o', 'one').length);
    links.ensure(uid, endpoint());
    await stored(2);
    expect(logStore.texts(stream)).toEqual([
      `${frame('o', 'one').length} bytes of the log are gone: the guest kept no more.`,
      'two',
    ]);
  });

  it('begins anew, at greater positions, when the guest was made again', async () => {
    supervisor.write(frame('o', 'a long line of the first guest'));
    links.ensure(uid, endpoint());
    await stored(1);
    supervisor.log = Buffer.alloc(0);
    supervisor.disconnect();
    supervisor.write(frame('o', 'new'));
    await stored(3);
    expect(logStore.texts(stream).slice(1)).toEqual([
      'The log begins anew: the guest was made again, or lost its disk.',
      'new',
    ]);
    const positions = (await logStore.read(stream)).map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(new Set(positions).size).toBe(3);

    await links.close();
    links = start();
    links.ensure(uid, endpoint());
    supervisor.write(frame('o', 'newer'));
    await stored(4);
    expect(logStore.texts(stream).at(-1)).toBe('newer');
  });

  it('begins anew when another log is longer and does not fit', async () => {
    supervisor.write(frame('o', 'short'));
    links.ensure(uid, endpoint());
    await stored(1);
    supervisor.log = frame('o', 'another log with other lengths');
    supervisor.disconnect();
    await stored(3);
    expect(logStore.texts(stream).at(-1)).toBe('another log with other lengths');
  });

  it('says what the process does, from the events since it looks', async () => {
    supervisor.write(frame('s', 'event=boot version=1'), frame('s', 'event=start pid=5 attempt=1'));
    supervisor.write(frame('s', 'event=exit code=3 pid=5 uptime_ms=9'), frame('s', 'event=start pid=6 attempt=2'));
    supervisor.process = 'listening';
    links.ensure(uid, endpoint());
    await until(() => events.length === 4);
    expect(links.state(uid)).toMatchObject({
      connected: true,
      process: 'listening',
      listening: true,
      restarts: 1,
      lastExit: { code: 3 },
    });
    supervisor.write(
      frame('s', 'event=exit signal=SIGKILL pid=6 uptime_ms=9'),
      frame('s', 'event=backoff delay_ms=1000'),
    );
    await until(() => events.length === 6);
    expect(links.state(uid)).toMatchObject({ process: 'backoff', listening: false, lastExit: { signal: 9 } });
    supervisor.write(frame('s', 'event=start pid=7 attempt=3'), frame('s', 'event=listening port=80'));
    await until(() => events.length === 8);
    expect(links.state(uid)).toMatchObject({ process: 'listening', listening: true, restarts: 2 });
    expect(states.at(-1)).toEqual(links.state(uid));
  });

  it('says that the process is finished once it knows how it ended', async () => {
    supervisor.write(frame('s', 'event=start pid=5 attempt=1'), frame('o', 'at work'));
    supervisor.write(frame('s', 'event=exit signal=SIGKILL pid=5 uptime_ms=9'), frame('s', 'event=finished code=137'));
    supervisor.process = 'finished';
    links.ensure(uid, endpoint());
    await until(() => links.state(uid)?.process === 'finished');
    expect(links.state(uid)).toMatchObject({ connected: true, lastExit: { signal: 9 } });
    expect(states.filter(({ process, lastExit }) => process === 'finished' && lastExit === undefined)).toEqual([]);
  });

  it('reads once more how the process ended when that was stored and not told, and stores nothing twice', async () => {
    supervisor.write(frame('o', 'one'), frame('s', 'event=exit code=3 pid=5 uptime_ms=9'));
    supervisor.write(frame('s', 'event=finished code=3'));
    supervisor.process = 'finished';
    links.ensure(uid, endpoint());
    await stored(3);
    await links.close();
    const appends = logStore.appends;
    links = start();
    links.ensure(uid, endpoint());
    await until(() => links.state(uid)?.process === 'finished');
    expect(links.state(uid)?.lastExit).toMatchObject({ code: 3 });
    supervisor.disconnect();
    await until(() => supervisor.asked.length === 3);
    await until(() => links.state(uid)?.process === 'finished');
    expect(supervisor.asked).toEqual([0, 0, supervisor.log.length]);
    expect(logStore.texts(stream)).toHaveLength(3);
    expect(logStore.appends).toBe(appends);
  });

  it('knows no exit when the log that told it is gone', async () => {
    supervisor.write(frame('s', 'event=exit code=0 pid=5 uptime_ms=9'), frame('s', 'event=finished code=0'));
    supervisor.forget(supervisor.log.length);
    supervisor.process = 'finished';
    links.ensure(uid, endpoint(), { restarts: 0, lastExit: { code: 0, at: new Date(0) } });
    await until(() => links.state(uid)?.process === 'finished');
    expect(links.state(uid)).not.toHaveProperty('lastExit');
  });

  it.each([
    ['event=exec-failed errno=2 message=no such file', 'event=finished code=127', 127],
    ['event=exec-failed errno=13 message=permission denied', 'event=finished code=126', 126],
    ['event=exit code=1 pid=5 uptime_ms=9', 'event=finished code=0', 0],
  ])('takes the code from the end itself after "%s"', async (before, end, code) => {
    supervisor.write(frame('s', before), frame('s', end));
    supervisor.process = 'finished';
    links.ensure(uid, endpoint());
    await until(() => links.state(uid)?.process === 'finished');
    expect(links.state(uid)?.lastExit).toMatchObject({ code });
  });

  it('goes on from the history that is known', async () => {
    const lastExit = { code: 1, at: new Date(0) };
    links.ensure(uid, endpoint(), { restarts: 7, lastExit });
    await connected();
    expect(links.state(uid)).toMatchObject({ restarts: 7, lastExit });
  });

  it('says why it is not connected, and connects when it can', async () => {
    const wrong = { ...endpoint(), secret: 'wrong' };
    links.ensure(uid, wrong);
    await until(() => links.state(uid)?.trouble !== undefined);
    expect(links.state(uid)).toMatchObject({ connected: false, trouble: expect.stringMatching(/secret/) });
    links.ensure(uid, endpoint());
    await connected();
    expect(links.state(uid)).not.toHaveProperty('trouble');
  });

  it('makes one connection for each guest, however often it is ensured', async () => {
    for (let time = 0; time < 10; time += 1) links.ensure(uid, endpoint());
    await connected();
    for (let time = 0; time < 10; time += 1) links.ensure(uid, endpoint());
    expect(supervisor.connections).toBe(1);
  });

  it('keeps lines while the store is away, and stores them in order', async () => {
    links.ensure(uid, endpoint());
    await connected();
    logStore.failing = true;
    supervisor.write(frame('o', 'one'));
    await until(() => logged.includes('cannot be stored'));
    supervisor.write(frame('o', 'two'));
    logStore.failing = false;
    await stored(2);
    expect(logStore.texts(stream)).toEqual(['one', 'two']);
  });

  it('stops reading when too much waits', async () => {
    links.ensure(uid, endpoint());
    await connected();
    logStore.failing = true;
    const line = frame('o', 'x'.repeat(10_000));
    supervisor.write(...Array.from({ length: 2_000 }, () => line));
    await until(() => logged.includes('cannot be stored'));
    logStore.failing = false;
    await stored(2_000);
    expect(logStore.texts(stream)).toHaveLength(2_000);
    expect(logStore.appends).toBeLessThan(200);
  });

  it('keeps a character whole that is cut where a long line is', async () => {
    const [head, tail] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)];
    supervisor.write(frame('O', Buffer.concat([Buffer.from('a'), head])), frame('e', 'between'), frame('o', tail));
    links.ensure(uid, endpoint());
    await stored(3);
    expect(logStore.texts(stream)).toEqual(['a', 'between', 'ü']);
  });

  it('stores no NUL, and nothing that is no UTF-8', async () => {
    supervisor.write(frame('o', Buffer.from([0x61, 0x00, 0xff, 0x62])));
    links.ensure(uid, endpoint());
    await stored(1);
    expect(logStore.texts(stream)).toEqual(['a\uFFFD\uFFFDb']);
  });

  it('survives whatever a hostile guest sends', async () => {
    links.ensure(uid, endpoint());
    for (const said of [
      'GAP 0 99999999999999999\n',
      'GAP 0 9007199254740991\n',
      `${'x'.repeat(500)}`,
      'ERR no\n',
      'FROM 0\n\n',
    ]) {
      await connected();
      const asked = supervisor.asked.length;
      await until(() => supervisor.connections === 1);
      supervisor.say(said);
      await until(() => supervisor.asked.length > asked);
    }
    await connected();
    supervisor.write(frame('o', 'still here'));
    await stored(1);
    expect(logStore.texts(stream)).toEqual(['still here']);
  });
});
