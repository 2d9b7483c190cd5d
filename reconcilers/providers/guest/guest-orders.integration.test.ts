import { createHash } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../controller/clock.ts';
import {
  compileBinaries,
  freePort,
  processStatus,
  Supervisors,
  type Supervisor,
} from '../../../guest/testing/supervisor.ts';
import { encodeGuestConfig, type GuestProgram } from './encode-config.ts';
import { createGuestLinks } from './guest-link.ts';
import type { GuestLinks } from './guest-links.ts';
import type { GuestRun } from './guest-run.ts';
import { TestLogStore, until } from './testing.ts';

const secret = 'open sesame';
const { available, init, folder } = await compileBinaries();
const { signal } = new AbortController();
const sh = (name: string, script: string, about: Partial<GuestProgram> = {}): GuestProgram => ({
  name,
  argv: ['/bin/sh', '-c', script],
  ...about,
});

describe.skipIf(!available)('orders to a real supervisor', () => {
  const supervisors = new Supervisors(init);
  const opened: GuestLinks[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((links) => links.close()));
    await supervisors.end();
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function start(
    commands: GuestProgram[],
    { hold = false, usage }: { hold?: boolean; usage?: string } = {},
  ): Promise<{ links: GuestLinks; guest: Supervisor }> {
    const port = await freePort();
    const encoded = encodeGuestConfig({
      command: ['/bin/sleep', '1000'],
      env: ['PATH=/usr/bin:/bin'],
      secret,
      port,
      listen: '127.0.0.1',
      commands,
      hold,
    });
    const guest = {
      ...supervisors.startWith({ CONTAINR_CONFIG: encoded, ...(usage !== undefined && { CONTAINR_USAGE_DIR: usage }) }),
      port,
    };
    const links = createGuestLinks({
      logStore: new TestLogStore(),
      clock: systemClock,
      log: pino({ level: 'silent' }),
    });
    opened.push(links);
    links.ensure('g', { host: '127.0.0.1', port, secret });
    await until(() => links.state('g')?.connected === true);
    return { links, guest };
  }

  async function ended(links: GuestLinks, id: string, command: string): Promise<GuestRun> {
    for (;;) {
      const run = await links.run('g', { id, command }, signal);
      if (run.state !== 'running') return run;
      await sleep(10);
    }
  }

  async function* chunks(count: number, bytes: Uint8Array, failure?: Error): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < count; at++) yield bytes;
    if (failure) throw failure;
  }

  it('run a command once and tell how it ended', async () => {
    const { links } = await start([sh('hello', 'echo "grüße"; exit 2')]);
    expect(await ended(links, '1', 'hello')).toEqual({
      state: 'exited',
      code: 2,
      sizeBytes: 8,
      sha256: createHash('sha256').update('grüße\n').digest('hex'),
      tail: 'grüße\n',
    });
    expect(await ended(links, '1', 'other')).toMatchObject({ state: 'unknown' });
    expect(await ended(links, '2', 'other')).toMatchObject({ state: 'unknown' });
    expect(await links.run('nobody', { id: '1', command: 'hello' }, signal)).toMatchObject({ state: 'unreachable' });
    await expect(links.run('g', { id: 'a b', command: 'hello' }, signal)).rejects.toThrow('no id of a run');
  });

  it('give an answer when there is no supervisor, or one with another secret', async () => {
    const { links, guest } = await start([]);
    links.ensure('g', { host: '127.0.0.1', port: guest.port, secret: 'wrong' });
    expect(await links.run('g', { id: '1', command: 'x' }, signal)).toMatchObject({
      state: 'unreachable',
      message: 'the supervisor does not know the secret; the guest has an older one',
    });
    links.ensure('g', { host: '127.0.0.1', port: await freePort(), secret });
    expect(await links.run('g', { id: '1', command: 'x' }, signal)).toMatchObject({ state: 'unreachable' });
    expect(await links.release('g', signal)).toBe(false);
    await expect(links.run('g', { id: '1', command: 'x' }, AbortSignal.abort())).rejects.toThrow();
  });

  it('tell what the disks of a guest were asked for, where that is counted', async () => {
    const usage = await supervisors.folder();
    await writeFile(join(usage, 'mountinfo'), '27 1 252:7 / / rw,relatime - ext4 /dev/mapper/disk rw\n');
    const { links } = await start([], { usage });
    expect(await links.usage('g', signal)).toBeUndefined();
    await writeFile(join(usage, 'io.stat'), '252:7 rbytes=8192 wbytes=4096 rios=2 wios=1 dbytes=0 dios=0\n');
    expect(await links.usage('g', signal)).toEqual({ reads: 2, writes: 1, uptimeMs: expect.any(Number) });
    expect(await links.usage('nobody', signal)).toBeUndefined();
    await expect(links.usage('g', AbortSignal.abort())).rejects.toThrow();
  });

  it('bring output here, as much as it is, at the pace of the reader', async () => {
    const { links, guest } = await start([sh('big', 'head -c 100000000 /dev/zero; echo warning >&2')]);
    const before = Number.parseInt(await processStatus(guest.process.pid, 'VmRSS'));
    const { stream, end } = await links.read('g', { id: '1', command: 'big' }, signal);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of stream) {
      if (!(chunk instanceof Uint8Array)) throw new Error('not bytes');
      hash.update(chunk);
      if (sizeBytes === 0) await sleep(200);
      sizeBytes += chunk.length;
    }
    const sha256 = hash.digest('hex');
    expect(await end).toEqual({ state: 'exited', code: 0, sizeBytes: 100_000_000, sha256, tail: 'warning\n' });
    expect(sizeBytes).toBe(100_000_000);
    expect(Number.parseInt(await processStatus(guest.process.pid, 'VmHWM')) - before).toBeLessThan(2048);
    expect(await ended(links, '1', 'big')).toEqual(await end);
  });

  it('begin no output twice, and none that cannot be', async () => {
    const { links } = await start([sh('n', 'echo x'), { name: 'absent', argv: ['no-such-program'] }]);
    const first = await links.read('g', { id: '1', command: 'n' }, signal);
    expect(Buffer.concat(await first.stream.toArray()).toString()).toBe('x\n');
    for (const [id, command, state] of [
      ['1', 'n', { state: 'exited', code: 0 }],
      ['2', 'no', { state: 'unknown' }],
      ['3', 'absent', { state: 'exited', code: 127 }],
    ] as const) {
      const { stream, end } = await links.read('g', { id, command }, signal);
      await expect(stream.toArray()).rejects.toThrow('did not begin');
      expect(await end).toMatchObject(state);
    }
  });

  it('kill a run whose reader leaves, or aborts', async () => {
    const { links } = await start([sh('endless', 'cat /dev/zero')]);
    const left = await links.read('g', { id: '1', command: 'endless' }, signal);
    left.stream.destroy();
    expect(await ended(links, '1', 'endless')).toMatchObject({ state: 'exited', code: 137 });
    const abort = new AbortController();
    const aborted = await links.read('g', { id: '2', command: 'endless' }, abort.signal);
    abort.abort(new Error('enough'));
    await expect(aborted.stream.toArray()).rejects.toThrow();
    expect(await aborted.end).toMatchObject({ state: 'unreachable' });
    expect(await ended(links, '2', 'endless')).toMatchObject({ state: 'exited', code: 137 });
  });

  it('tell that the guest died under a run', async () => {
    const { links, guest } = await start([sh('slow', 'echo x; sleep 60')]);
    const { stream, end } = await links.read('g', { id: '1', command: 'slow' }, signal);
    await until(() => stream.readableLength > 0);
    guest.process.kill('SIGKILL');
    await expect(stream.toArray()).rejects.toThrow('lost');
    expect(await end).toMatchObject({ state: 'unreachable' });
  });

  it('bring input there, whole', async () => {
    const place = await supervisors.folder();
    const { links, guest } = await start([sh('load', 'cat', { outputPath: join(place, 'loaded') })]);
    const before = Number.parseInt(await processStatus(guest.process.pid, 'VmRSS'));
    const bytes = Buffer.alloc(150_000, 'abc');
    const run = await links.write('g', { id: '1', command: 'load' }, chunks(500, bytes), signal);
    const sha256 = createHash('sha256').update(Buffer.alloc(75_000_000, 'abc')).digest('hex');
    expect(run).toEqual({ state: 'exited', code: 0, sizeBytes: 75_000_000, sha256, tail: '' });
    expect((await stat(join(place, 'loaded'))).size).toBe(75_000_000);
    expect(Number.parseInt(await processStatus(guest.process.pid, 'VmHWM')) - before).toBeLessThan(2048);
    expect(await links.write('g', { id: '1', command: 'load' }, chunks(1, bytes), signal)).toEqual(run);
    expect(await links.write('g', { id: '2', command: 'load' }, chunks(0, bytes), signal)).toMatchObject({
      sizeBytes: 0,
    });
  });

  it('kill a run before it takes half its input for all', async () => {
    const place = await supervisors.folder();
    const { links } = await start([sh('load', `cat >${place}/x; echo complete >${place}/complete`)]);
    const source = chunks(3, Buffer.alloc(1000), new Error('the copy is gone'));
    await expect(links.write('g', { id: '1', command: 'load' }, source, signal)).rejects.toThrow('the copy is gone');
    expect(await ended(links, '1', 'load')).toMatchObject({ state: 'exited', code: 137 });
    await expect(stat(join(place, 'complete'))).rejects.toThrow();
  });

  it('do not mind a program that reads only the beginning', async () => {
    const { links } = await start([
      sh('some', 'head -c 10; exec 0<&-; exit 4'),
      sh('all', 'head -c 10; exec 0<&-; sleep 0.5'),
    ]);
    const bytes = Buffer.alloc(60_000, 'y');
    expect(await links.write('g', { id: '1', command: 'some' }, chunks(2000, bytes), signal)).toMatchObject({
      code: 4,
      tail: 'yyyyyyyyyy',
    });
    expect(await links.write('g', { id: '2', command: 'all' }, chunks(100, bytes), signal)).toMatchObject({ code: 0 });
  });

  it('start a process that was held, once', async () => {
    const { links } = await start([sh('n', 'echo x')], { hold: true });
    expect(links.state('g')?.process).toBe('held');
    expect(await ended(links, '1', 'n')).toMatchObject({ code: 0 });
    expect(await links.release('g', signal)).toBe(true);
    await until(() => links.state('g')?.process === 'running');
    expect(await links.release('g', signal)).toBe(true);
    await sleep(50);
    expect(links.state('g')).toMatchObject({ process: 'running', restarts: 0 });
  });
});
