import { createCipheriv, createHmac } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GuestMachine } from '../engine/engine.ts';
import { imageArchive } from '../testing/image-archive.ts';
import { createSimulatedEngine, type SimulatedEngine } from './simulated-engine.ts';
import { writeFile } from 'node:fs/promises';

const secret = 'a secret';
let folder = '';
let engine: SimulatedEngine;
const keyText = '5e'.repeat(32);
let address = '';
let count = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulated-'));
  engine = createSimulatedEngine({ stateDir: join(folder, 'state') });
  count += 1;
  address = `127.91.${process.pid % 250}.${count}`;
  await prepare({});
});
afterEach(async () => {
  await engine.close({ stopGuests: true });
  await rm(folder, { recursive: true });
});

/** Makes the root file system anew from an image. */
async function prepare(config: Record<string, unknown>): Promise<void> {
  const archive = join(folder, `image-${Math.random()}.tar`);
  const files = ['.containr/init', 'bin/app', 'bin/sleep', 'bin/echo'].map((name) => ({ name, content: 'x' }));
  files.push({ name: '.containr/key', content: `${keyText}\n` });
  await writeFile(
    archive,
    await imageArchive({
      files,
      config: { Entrypoint: ['/.containr/init'], ExposedPorts: { '8080/tcp': {} }, ...config },
    }),
  );
  await engine.unpack({ path: archive, format: 'oci' }, join(folder, 'rootfs'));
}

function machine(change: Partial<GuestMachine> = {}): GuestMachine {
  return {
    node: 'pve1',
    vmid: 100,
    hostname: 'web',
    rootfs: join(folder, 'rootfs'),
    entrypoint: ['/.containr/init'],
    env: [configOf(['arg', '/bin/app'], ['secret', secret], ['ready-port', '8080'])],
    uid: 0,
    gid: 0,
    cwd: '/',
    haltSignal: 'SIGTERM',
    memoryMiB: 64,
    swapMiB: 0,
    cpuLimit: 0,
    cores: 1,
    unmanaged: true,
    nics: [{ name: 'eth0', bridge: 'vmbr0', mac: 'bc:24:11:00:00:01', ip: `${address}/10` }],
    mounts: [],
    exposedPorts: [],
    ...change,
  };
}

function configOf(...pairs: Array<[string, string]>): string {
  const text = pairs.map(([key, value]) => `${key}\0${value}\0`).join('');
  return `CONTAINR_CONFIG=${Buffer.from(text).toString('base64')}`;
}

/** The same encrypted with the key of the image. */
function sealedConfigOf(uid: string, ...pairs: Array<[string, string]>): string {
  const hmac = (key: Buffer, message: Buffer | string) => createHmac('sha256', key).update(message).digest();
  const plain = Buffer.from(pairs.map(([key, value]) => `${key}\0${value}\0`).join(''));
  const own = hmac(Buffer.from(keyText, 'hex'), `guest ${uid}`);
  const tag = hmac(hmac(own, 'tag'), plain);
  const nonce = Buffer.concat([Buffer.alloc(4), tag.subarray(0, 12)]);
  const encrypted = createCipheriv('chacha20', hmac(own, 'cipher'), nonce).update(plain);
  return `CONTAINR_CONFIG=2.${uid}.${Buffer.concat([tag, encrypted]).toString('base64')}`;
}

/** Talks to the supervisor: each question is sent when the answer before has come. */
async function ask(...questions: Array<string | ((nonce: string) => string)>): Promise<string> {
  const socket: Socket = connect(10_301, address);
  let text = '';
  let nonce = '';
  socket.setEncoding('utf8');
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('data', (chunk) => {
    text += String(chunk);
    nonce ||= /^CONTAINR\/1 ([0-9a-f]{32})\n/.exec(text)?.[1] ?? '';
    const next = questions.shift();
    if (next !== undefined) socket.write(`${typeof next === 'string' ? next : next(nonce)}\n`);
    else setTimeout(() => socket.destroy(), 100);
  });
  await ended;
  return text;
}

function login(nonce: string): string {
  return `AUTH ${createHmac('sha256', secret).update(nonce).digest('hex')}`;
}

/** The log's lines without times and lengths. */
function entries(text: string): string[] {
  return [...text.matchAll(/^([oes]) \d{19} \d+\n(.*)$/gm)].map(([, stream, data]) => `${stream} ${data}`);
}

describe('the simulated supervisor', () => {
  it('says how the process is to who knows the secret', async () => {
    await engine.start(machine());
    const text = await ask(login, 'STATUS');
    expect(text).toMatch(/^CONTAINR\/1 [0-9a-f]{32}\nOK 0 \d+ listening\nlistening\n$/);
  });

  it('tells reads and writes that only become more', async () => {
    await engine.start(machine());
    const [first, second] = [await ask(login, 'USAGE'), await ask(login, 'USAGE')].map((text) =>
      /\nUSAGE reads=(\d+) writes=(\d+) uptime_ms=(\d+)\n$/.exec(text)?.slice(1).map(Number),
    );
    expect(first?.[0]).toBeGreaterThan(0);
    expect(second?.every((number, at) => number >= (first?.[at] ?? Infinity))).toBe(true);
  });

  it('refuses who does not, after a second', async () => {
    await engine.start(machine());
    const asked = Date.now();
    expect(await ask(() => `AUTH ${'0'.repeat(64)}`)).toContain('ERR wrong secret\n');
    expect(Date.now() - asked).toBeGreaterThan(900);
  });

  it('tells nothing before', async () => {
    await engine.start(machine());
    expect(await ask('STATUS')).toContain('ERR authenticate first\n');
  });

  it('logs its events, a line at the start and one for each request', async () => {
    await engine.start(machine());
    expect(await (await fetch(`http://${address}:8080/x`)).text()).toBe('web, guest 100, answers\n');
    expect(entries(await ask(login, 'LOGS 0'))).toEqual([
      's event=boot version=4',
      's event=start pid=2 attempt=1',
      'o web started, serving on port 8080',
      's event=listening port=8080',
      'o GET /x 200',
    ]);
  });

  it('goes on where the log ended, also after the guest was stopped and started', async () => {
    await engine.start(machine());
    const end = Number(/OK 0 (\d+)/.exec(await ask(login))?.[1]);
    expect(await engine.shutdown(100, 1000)).toBe(true);
    await engine.start(machine());
    const text = await ask(login, `LOGS ${end}`);
    expect(text).toContain(`FROM ${end}\n`);
    expect(entries(text).slice(0, 3)).toEqual([
      's event=stopping signal=SIGTERM',
      expect.stringMatching(/^s event=exit signal=SIGTERM pid=2 uptime_ms=\d+$/),
      's event=boot version=4',
    ]);
    expect(await ask(login, 'LOGS 999999')).toContain('ERR the offset is beyond the end of the log\n');
  });

  it('says what is gone when only the newest of a long log is kept', async () => {
    const small = [configOf(['arg', '/bin/app'], ['secret', secret], ['log-limit', '800'])];
    await engine.start(machine({ env: small }));
    for (let index = 0; index < 40; index++) await fetch(`http://${address}:8080/${index}`);
    const text = await ask(login, 'LOGS 0');
    const [, from, to] = /GAP (\d+) (\d+)\n/.exec(text) ?? [];
    expect([from, Number(to) > 0]).toEqual(['0', true]);
    expect(entries(text).at(-1)).toBe('o GET /39 200');
  });

  it('starts a process that crashes again, later each time', async () => {
    const env = [
      configOf(
        ['arg', '/bin/app'],
        ['secret', secret],
        ['env', 'SIMULATED_HEALTH=crash'],
        ['env', 'SIMULATED_DELAY_MS=1'],
      ),
    ];
    await engine.start(machine({ env }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const text = await ask(login, 'STATUS', 'LOGS 0');
    expect(text).toContain('\nbackoff\n');
    expect(entries(text).slice(-2)).toEqual([
      expect.stringMatching(/^s event=exit code=1 pid=2 uptime_ms=\d+$/),
      's event=backoff delay_ms=1000',
    ]);
  });

  it('says so when the image does not have the program', async () => {
    const env = [configOf(['arg', '/bin/none'], ['secret', secret], ['restart', 'never'])];
    await engine.start(machine({ env }));
    expect(entries(await ask(login, 'LOGS 0'))).toEqual([
      's event=boot version=4',
      's event=exec-failed errno=2 message=cannot run /bin/none: No such file or directory',
      's event=finished code=127',
    ]);
  });

  it('keeps its port closed without a secret, and the guest running', async () => {
    await engine.start(machine({ env: [configOf(['arg', '/bin/app'])] }));
    await expect(connected(10_301)).resolves.toBe(false);
    expect(engine.isRunning(100)).toBe(true);
  });

  it('opens a configuration that is encrypted with the key of its image, and no other', async () => {
    const pairs: Array<[string, string]> = [
      ['arg', '/bin/app'],
      ['secret', secret],
      ['ready-port', '8080'],
    ];
    await engine.start(machine({ env: [sealedConfigOf('uid-1', ...pairs)] }));
    expect(await ask(login)).toMatch(/\nOK 0 \d+ \w+\n/);
    await engine.stop(100);
    const exited = new Promise<number>((resolve) => engine.onExit(resolve));
    await engine.start(machine({ env: [sealedConfigOf('uid-1', ...pairs).replace('uid-1', 'uid-2')] }));
    expect(await exited).toBe(100);
  });

  it('ends with the guest when its configuration cannot be used', async () => {
    const exited = new Promise<number>((resolve) => engine.onExit(resolve));
    await engine.start(machine({ env: ['CONTAINR_CONFIG=%%%'] }));
    expect(await exited).toBe(100);
    expect(engine.isRunning(100)).toBe(false);
  });
});

describe('the runs of a simulated guest', () => {
  const commands: Array<[string, string]> = [
    ['command', 'digest'],
    ...['/.containr/init', 'digest', '/data'].map((value): [string, string] => ['command-arg', value]),
    ['command', 'dump'],
    ['command-arg', '/bin/app'],
    ['command-output', '/data/.containr/dump'],
    ['command', 'fails'],
    ['command-arg', '/bin/app'],
    ['command', 'absent'],
    ['command-arg', '/bin/none'],
  ];
  const config = (...more: Array<[string, string]>): Partial<GuestMachine> => ({
    env: [
      configOf(
        ['arg', '/bin/app'],
        ['secret', secret],
        ['volume', '/data'],
        ['env', 'SIMULATED_RUNS=fails:3'],
        ...commands,
        ...more,
      ),
    ],
    mounts: [{ key: 'mp0', path: join(folder, 'volume'), mountPath: '/data', readOnly: false }],
  });

  async function run(id: string, name: string): Promise<string> {
    for (;;) {
      const line = /^RUN .*$/m.exec(await ask(login, `RUN ${id} ${name}`))?.[0] ?? 'nothing';
      if (!line.endsWith('state=running'))
        return line.replace(/tail=(.*)/, (_, tail: string) => Buffer.from(tail, 'base64').toString());
    }
  }

  beforeEach(() => mkdir(join(folder, 'volume')));

  it('tell what a volume holds, which the process put there, and not the same for another', async () => {
    await engine.start(machine(config()));
    const first = await run('1', 'digest');
    expect(first).toMatch(/state=exited code=0 size=\d+ sha256=[0-9a-f]{64} [0-9a-f]{64} 1 64\n$/);
    await engine.shutdown(100, 1000);
    await engine.start(machine(config()));
    expect((await run('2', 'digest')).split(' ').slice(-3)).toEqual(first.split(' ').slice(-3));
    expect(await run('3', 'dump')).toContain('code=0 size=20 ');
    expect(await readFile(join(folder, 'volume/.containr/dump'), 'utf8')).toBe('what /bin/app gives\n');
    expect(await run('4', 'digest')).toContain(' 2 ');
  });

  it('fail as they are told to, and where there is no program', async () => {
    await engine.start(machine(config()));
    expect(await run('1', 'fails')).toContain('code=3 size=0');
    expect(await run('2', 'absent')).toContain('code=127');
    expect(await run('3', 'unknown')).toBe('RUN 3 state=unknown');
    expect(await ask(login, 'RUN 1 dump')).toContain('ERR that id is a run of another command');
  });

  it('give their output and take input over the connection', async () => {
    await engine.start(machine(config()));
    expect(await ask(login, 'READ 1 dump')).toMatch(
      /STREAM 1\n20\nwhat \/bin\/app gives\n0\nRUN 1 state=exited code=0 size=20/,
    );
    expect(await ask(login, 'WRITE 2 dump', '3\nabc0')).toMatch(/STREAM 2\nRUN 2 state=exited code=0 size=41/);
  });

  it('wait for nothing while the process is held, and remember their end over a restart', async () => {
    await engine.start(machine(config(['hold', 'yes'])));
    expect(await ask(login, 'STATUS')).toContain(' held\nheld\n');
    const told = await run('1', 'digest');
    expect(told).toContain(' 0 0\n');
    await engine.shutdown(100, 1000);
    await engine.start(machine(config(['hold', 'yes'])));
    expect(await run('1', 'digest')).toBe(told);
    expect(await ask(login, 'RELEASE', 'RELEASE')).toMatch(/running\nrunning\n$/);
    expect(entries(await ask(login, 'LOGS 0')).slice(-4, -1)).toEqual([
      's event=boot version=4',
      's event=held',
      's event=start pid=2 attempt=1',
    ]);
  });
});

async function connected(port: number): Promise<boolean> {
  const socket = connect(port, address);
  const result = await new Promise<boolean>((resolve) => {
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
  });
  socket.destroy();
  return result;
}

describe('the simulated engine', () => {
  const plain = { entrypoint: ['/bin/app'], env: [] };

  it.each([
    ['answers', {}, 200],
    ['fails its health check when it is told to', { env: ['SIMULATED_HEALTH=failing'] }, 503],
  ])('runs a program that %s', async (_, change, status) => {
    await engine.start(machine({ ...plain, ...change }));
    expect((await fetch(`http://${address}:8080/`)).status).toBe(status);
  });

  it('heeds the labels of an image', async () => {
    await prepare({ Labels: { SIMULATED_HEALTH: 'failing' } });
    await engine.start(machine(plain));
    expect((await fetch(`http://${address}:8080/`)).status).toBe(503);
  });

  it('listens no more once a guest is stopped', async () => {
    await engine.start(machine(plain));
    await engine.stop(100);
    expect(await connected(8080)).toBe(false);
  });

  it.each([
    ['that the image does not have', ['/bin/none'], "startup for container '100' failed"],
    ['that ends at once', ['/bin/echo', 'bye'], 'unable to get PID for CT 100 (not running?)'],
  ])('fails to start a program %s', async (_, entrypoint, message) => {
    await expect(engine.start(machine({ ...plain, entrypoint }))).rejects.toThrow(message);
    expect(engine.isRunning(100)).toBe(false);
  });

  it('cannot shut down a process 1 that heeds no signal, unless the signal is SIGKILL', async () => {
    const sleeping = { ...plain, entrypoint: ['/bin/sleep', '99'] };
    await engine.start(machine(sleeping));
    expect(await engine.shutdown(100, 20)).toBe(false);
    await engine.stop(100);
    await engine.start(machine({ ...sleeping, haltSignal: 'SIGKILL' }));
    expect(await engine.shutdown(100, 1000)).toBe(true);
  });

  it('tells of a guest that ends on its own', async () => {
    const exited = new Promise<number>((resolve) => engine.onExit(resolve));
    await engine.start(machine({ ...plain, env: ['SIMULATED_HEALTH=crash', 'SIMULATED_DELAY_MS=1'] }));
    expect(await exited).toBe(100);
  });

  it('finds guests again that ran when the last process ended, and only those', async () => {
    await engine.start(machine(plain));
    await engine.start(machine({ ...plain, vmid: 101, nics: [] }));
    await engine.stop(101);
    await engine.close({ stopGuests: false });
    expect(await connected(8080)).toBe(false);
    engine = createSimulatedEngine({ stateDir: join(folder, 'state') });
    await engine.recover([machine(plain), machine({ ...plain, vmid: 101 })]);
    expect([engine.isRunning(100), engine.isRunning(101), await connected(8080)]).toEqual([true, false, true]);
  });

  it('leaves addresses alone that are not its own', async () => {
    const nics = [{ name: 'eth0', bridge: 'vmbr0', mac: 'bc:24:11:00:00:01', ip: '10.0.0.5/24' }];
    await engine.start(machine({ ...plain, nics }));
    expect(await engine.interfaces(100)).toMatchObject([{ name: 'lo' }, { name: 'eth0', inet: '10.0.0.5/24' }]);
  });
});
