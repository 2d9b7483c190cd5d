import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../controller/clock.ts';
import type { LogStore } from '../../../controller/logs.ts';
import { freePort, readSegments, Supervisors, type Supervisor } from '../../../guest/testing/supervisor.ts';
import { encodeGuestConfig, type GuestConfig } from './encode-config.ts';
import { createFrameParser } from './frames.ts';
import { createGuestLinks } from './guest-link.ts';
import type { GuestLinks } from './guest-links.ts';
import { TestLogStore, until } from './testing.ts';

const why =
  process.platform === 'linux' && process.arch === 'x64' ? undefined : 'the prebuilt one used is for Linux on amd64';
if (why !== undefined) console.warn(`skipped: tests with a real supervisor, for ${why}`);

const stream = 'guest/g1';
const secret = 'open sesame';
const supervisors = new Supervisors(fileURLToPath(new URL('../../../guest/prebuilt/init-amd64', import.meta.url)));
const controllers: Controller[] = [];
afterEach(async () => {
  await Promise.all(controllers.splice(0).map(({ links }) => links.close()));
  await supervisors.end();
});

interface Controller {
  links: GuestLinks;
  /** Ends as kill -9 ends it: what is not stored yet never will be. */
  kill(): void;
}

function startController(logStore: TestLogStore, port: number): Controller {
  let alive = true;
  const dying: LogStore = {
    append: async (name, lines, resumeAt) => (alive ? logStore.append(name, lines, resumeAt) : undefined),
    resumeAt: (name) => logStore.resumeAt(name),
    read: (name) => logStore.read(name),
    changed: () => logStore.changed(),
    remove: () => logStore.remove(),
    trim: () => logStore.trim(),
  };
  const links = createGuestLinks({ logStore: dying, clock: systemClock, log: pino({ level: 'silent' }) });
  links.ensure('g1', { host: '127.0.0.1', port, secret });
  const controller = {
    links,
    kill() {
      alive = false;
      void links.close();
    },
  };
  controllers.push(controller);
  return controller;
}

function startGuest(config: Omit<GuestConfig, 'secret' | 'port' | 'listen'>, log: string, port: number): Supervisor {
  const encoded = encodeGuestConfig({ ...config, secret, port, listen: '127.0.0.1' });
  return { ...supervisors.startWith({ CONTAINR_CONFIG: encoded, CONTAINR_LOG_DIR: log }), port };
}

const shell = (script: string, env: string[] = []) => ({ command: ['/bin/sh', '-c', script], env });

describe.skipIf(why !== undefined)('createGuestLinks, with the real supervisor', () => {
  it('hands over any command and environment', async () => {
    const [log, port, logStore] = [await supervisors.folder(), await freePort(), new TestLogStore()];
    const value = `two\nlines, "quotes" 'and' ünïcödé\t$HOME \\n`;
    const script = 'printf "%s\\n" "$VALUE"; pwd; sleep 1000';
    startGuest({ ...shell(script, [`VALUE=${value}`]), workingDir: '/usr/bin' }, log, port);
    startController(logStore, port);
    await until(() => logStore.texts(stream).includes('/usr/bin'));
    const printed = (await logStore.read(stream)).filter(({ source }) => source === 'stdout');
    expect(printed.map(({ text }) => text)).toEqual([...value.split('\n'), '/usr/bin']);
  });

  it('hands it over encrypted, and reads the log after a start with the key that was left', async () => {
    const [log, port, logStore] = [await supervisors.folder(), await freePort(), new TestLogStore()];
    const [key, keyFile] = [randomBytes(32), join(await supervisors.folder(), 'key')];
    await writeFile(keyFile, `${key.toString('hex')}\n`);
    const config = { ...shell('echo "$VALUE"; sleep 1000', ['VALUE=größe']), secret, port, listen: '127.0.0.1' };
    const value = encodeGuestConfig(config, { key, uid: 'uid-1' });
    const start = () =>
      supervisors.startWith({ CONTAINR_CONFIG: value, CONTAINR_LOG_DIR: log, CONTAINR_KEY_FILE: keyFile });
    const first = start();
    startController(logStore, port);
    await until(() => logStore.texts(stream).includes('größe'));
    expect(await readFile(keyFile, 'utf8')).not.toContain(key.toString('hex'));
    first.process.kill('SIGTERM');
    await first.ended;
    start();
    await until(() => logStore.texts(stream).filter((text) => text === 'größe').length === 2);
  });

  it('follows the process through its life', async () => {
    const [log, port, logStore] = [await supervisors.folder(), await freePort(), new TestLogStore()];
    const guest = startGuest({ ...shell('echo out; echo err >&2; exit 3') }, log, port);
    const { links } = startController(logStore, port);
    await until(() => (links.state('g1')?.restarts ?? 0) >= 1);
    expect(links.state('g1')).toMatchObject({ connected: true, lastExit: { code: 3 } });
    guest.process.kill('SIGTERM');
    await until(() => links.state('g1')?.connected === false);
    await until(() => logStore.texts(stream).some((text) => text.startsWith('The guest is asked to stop')));
    const sources = new Set((await logStore.read(stream)).map(({ source, text }) => `${source} ${text}`));
    expect(sources).toContain('stdout out');
    expect(sources).toContain('stderr err');
    expect(sources).toContain('system The process started again, attempt 2.');
  });

  it.each([
    ['exit 3', 'never', { code: 3 }],
    ['exit 0', 'on-failure', { code: 0 }],
    ['kill -KILL $$', 'never', { signal: 9 }],
  ] as const)(
    'tells how a process ended that is not started again (%s), also to a later controller',
    async (script, restart, exit) => {
      const [log, port, logStore] = [await supervisors.folder(), await freePort(), new TestLogStore()];
      startGuest({ ...shell(`echo at work; ${script}`), restart }, log, port);
      const first = startController(logStore, port);
      await until(() => first.links.state('g1')?.process === 'finished');
      expect(first.links.state('g1')).toMatchObject({ connected: true, lastExit: exit });
      await until(() => logStore.texts(stream).some((text) => text.includes('is not started again')));
      const lines = logStore.texts(stream);
      first.kill();
      const second = startController(logStore, port);
      await until(() => second.links.state('g1')?.process === 'finished');
      expect(second.links.state('g1')).toMatchObject({ connected: true, lastExit: exit });
      expect(logStore.texts(stream)).toEqual(lines);
    },
  );

  it('tells that a command that cannot be run has ended', async () => {
    const [log, port, logStore] = [await supervisors.folder(), await freePort(), new TestLogStore()];
    startGuest({ command: ['/no/such/program'], env: [], restart: 'never' }, log, port);
    const { links } = startController(logStore, port);
    await until(() => links.state('g1')?.process === 'finished');
    expect(links.state('g1')?.lastExit).toMatchObject({ code: 127 });
  });

  it('neither loses nor repeats a line, whichever side is killed and however often', async () => {
    const [log, port, logStore] = [await supervisors.folder(), await freePort(), new TestLogStore()];
    const script =
      'i=0; while [ $i -lt 4000 ]; do echo "$RUN $i"; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 0.02; done; sleep 1000';
    for (let run = 0; run < 3; run += 1) {
      const guest = startGuest(shell(script, [`RUN=${run}`]), log, port);
      for (let life = 0; life < 3; life += 1) {
        const controller = startController(logStore, port);
        await until(() => controller.links.state('g1')?.connected === true);
        await sleep(100 + 70 * life);
        controller.kill();
      }
      guest.process.kill('SIGKILL');
      await guest.ended;
    }
    startGuest(shell('echo the end; sleep 1000'), log, port);
    startController(logStore, port);
    await until(() => logStore.texts(stream).includes('the end'));

    const wanted = await readLog(log);
    const stored = (await logStore.read(stream)).map((line) => ({
      position: line.position,
      text: line.source === 'system' ? 'system' : line.text,
    }));
    expect(wanted.length).toBeGreaterThan(1_000);
    expect(stored).toEqual(wanted);
  });
});

/** What lies on the guest's disk: the truth. */
async function readLog(folder: string): Promise<{ position: number; text: string }[]> {
  const segments = await readSegments(folder);
  const parser = createFrameParser();
  return parser
    .add(Buffer.concat([Buffer.from('FROM 0\n'), ...segments.map(({ bytes }) => bytes)]))
    .flatMap((piece) => {
      if (piece.type === 'position') return [];
      return [{ position: piece.end, text: piece.stream === 'system' ? 'system' : piece.data.toString('utf8') }];
    });
}
