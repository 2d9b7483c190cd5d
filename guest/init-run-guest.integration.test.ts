import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { command, type ConfigPair } from './testing/config-value.ts';
import { asProcess1, findProcess1, makeGuestRoot } from './testing/guest-root.ts';
import { order, runnable, runToEnd } from './testing/orders.ts';
import { compileBinaries, secret, Supervisors, type Supervisor } from './testing/supervisor.ts';
import { admit, isEvent, isLine, readLog, text } from './testing/wire.ts';

const binaries = await compileBinaries();
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('skipped: making namespaces and mounting needs root');

const people = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nother:x:1001:1001::/:/bin/sh\n',
  'etc/group': 'root:x:0:\napp:x:1000:\nlogs:x:2000:app\n',
};

describe.skipIf(!binaries.available || !isRoot)('runs in a guest of its own', () => {
  const guests: { supervisors: Supervisors; root: string }[] = [];
  const mounts: string[] = [];

  afterEach(async () => {
    for (const { supervisors } of guests) await supervisors.end();
    for (const mount of mounts.splice(0)) execFileSync('umount', ['--lazy', mount]);
    for (const { root } of guests.splice(0)) await rm(root, { recursive: true });
  });
  afterAll(() => rm(binaries.folder, { recursive: true }));

  async function makeGuest(): Promise<{ supervisors: Supervisors; root: string }> {
    const root = await makeGuestRoot(binaries, people);
    const guest = { supervisors: new Supervisors(...asProcess1(root, { proc: false })), root };
    guests.push(guest);
    return guest;
  }

  async function makeDisk(path: string, options: string): Promise<void> {
    await mkdir(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
    mounts.push(path);
  }

  const main: ConfigPair[] = command('/program', 'say:up', 'wait');

  async function stop({ process: unshare, ended }: Supervisor): Promise<number | null> {
    process.kill(await findProcess1(unshare), 'SIGPWR');
    return (await ended).code;
  }

  it('are the user of the process unless told otherwise, and so are their files', async () => {
    const { supervisors, root } = await makeGuest();
    await mkdir(join(root, 'data'));
    execFileSync('chown', ['1000:1000', join(root, 'data')]);
    const { port } = await supervisors.start(
      [
        ...main,
        ['user', 'app'],
        ...runnable('who', ['/program', 'identity']),
        ...runnable('other', ['/program', 'identity'], { user: 'other' }),
        ...runnable('root', ['/program', 'identity'], { user: '0' }),
        ...runnable('nobody', ['/program', 'identity'], { user: 'nobody' }),
        ...runnable('dump', ['/program', 'say:data'], { output: '/data/.containr/dump' }),
        ...runnable('closed', ['/program', 'say:data'], { output: '/dump' }),
        ...runnable('secret', ['/program', 'say:x'], { input: '/root-only' }),
      ],
      undefined,
    );
    await writeFile(join(root, 'root-only'), 'secret', { mode: 0o600 });
    expect((await runToEnd(port, '1', 'who'))['tail']).toMatch(/^uid=1000 gid=1000 groups=2000 cwd=\/ session=1/);
    expect((await runToEnd(port, '2', 'other'))['tail']).toMatch(/^uid=1001 gid=1001 groups= /);
    expect((await runToEnd(port, '3', 'root'))['tail']).toMatch(/^uid=0 gid=0 /);
    expect(await runToEnd(port, '4', 'nobody')).toMatchObject({
      code: '127',
      tail: "there is no user 'nobody' in /etc/passwd of the image",
    });
    expect(await runToEnd(port, '5', 'dump')).toMatchObject({ code: '0', size: '5' });
    expect(await stat(join(root, 'data/.containr/dump'))).toMatchObject({ uid: 1000, gid: 1000 });
    expect((await stat(join(root, 'data/.containr'))).mode & 0o777).toBe(0o700);
    expect(await runToEnd(port, '6', 'closed')).toMatchObject({
      code: '257',
      tail: 'cannot make /dump.part: Permission denied',
    });
    expect(await runToEnd(port, '7', 'secret')).toMatchObject({ code: '257' });
  });

  it('fail when the disk is full, leaving nothing, and the process does not notice', async () => {
    const { supervisors, root } = await makeGuest();
    await makeDisk(join(root, 'data'), 'size=1m');
    const supervisor = await supervisors.start(
      [
        ...main,
        ...runnable('big', ['/program', 'flood:3000000'], { output: '/data/dump' }),
        ...runnable('small', ['/program', 'say:x'], { output: '/data/dump' }),
      ],
      undefined,
    );
    const { port } = supervisor;
    expect(await runToEnd(port, '1', 'big')).toMatchObject({
      code: '257',
      tail: 'cannot write /data/dump.part: No space left on device',
    });
    expect(await runToEnd(port, '2', 'small')).toMatchObject({ code: '0', size: '2' });
    expect(await readFile(join(root, 'data/dump'), 'utf8')).toBe('x\n');
    expect(await order(port, 'STATUS')).toBe('running');
    expect(await stop(supervisor)).toBe(0);
  });

  it('are recorded on a disk that is full by then, and remembered by the next life', async () => {
    const { supervisors, root } = await makeGuest();
    await makeDisk(join(root, '.containr/log'), 'size=1m,mode=700');
    const pairs = [...main, ...runnable('n', ['/program', 'say:x'])];
    const first = await supervisors.start(pairs, undefined);
    await (await readLog(first.port, secret)).wire.until(isLine('up'));
    await writeFile(join(root, '.containr/log/filler'), Buffer.alloc(2 ** 20)).catch(() => undefined);
    expect(await runToEnd(first.port, '1', 'n')).toMatchObject({ code: '0', tail: 'x\n' });
    await stop(first);
    const { port } = await supervisors.start(pairs, undefined);
    expect(await runToEnd(port, '1', 'n')).toMatchObject({ code: '0', tail: 'x\n' });
  });

  it('digest a folder with the supervisor itself, in a guest that has nothing else', async () => {
    const { supervisors, root } = await makeGuest();
    await mkdir(join(root, 'data'));
    await writeFile(join(root, 'data/a'), 'abc');
    const words = ['/.containr/init', 'digest', '/data'];
    const { port } = await supervisors.start([...main, ['hold', 'yes'], ...runnable('digest', words)], undefined);
    const told = await runToEnd(port, '1', 'digest');
    expect(told).toMatchObject({ code: '0' });
    const here = execFileSync(binaries.init, ['digest', join(root, 'data')]).toString();
    expect(told['tail']).toBe(here);
    expect(here).toMatch(/^[0-9a-f]{64} 1 3\n$/);
  });

  it('leave a process that is held alone until it is released, and it stops as any other', async () => {
    const { supervisors } = await makeGuest();
    const pairs: ConfigPair[] = [...main, ['hold', 'yes'], ...runnable('n', ['/program', 'say:x'])];
    const supervisor = await supervisors.start(pairs, undefined);
    const { wire, state } = await admit(supervisor.port, secret);
    expect(state).toBe('held');
    wire.send('LOGS 0\n');
    await wire.line();
    expect((await wire.until(isEvent('held'))).map(text)).toEqual(['s event=boot version=4', 's event=held']);
    await runToEnd(supervisor.port, '1', 'n');
    expect(await order(supervisor.port, 'RELEASE')).toBe('running');
    expect((await wire.until(isLine('up'))).map(text)[0]).toMatch(/^s event=start pid=\d+ attempt=1$/);
    expect(await order(supervisor.port, 'RELEASE')).toBe('running');
    expect(await stop(supervisor)).toBe(0);
    const again = await supervisors.start(pairs, undefined);
    expect((await admit(again.port, secret)).state).toBe('held');
    expect(await stop(again)).toBe(0);
  });

  it('end with the guest', async () => {
    const { supervisors, root } = await makeGuest();
    await mkdir(join(root, 'data'));
    const words = ['/program', 'wait'];
    const pairs = [...main, ...runnable('slow', words, { output: '/data/dump' })];
    const first = await supervisors.start(pairs, undefined);
    await (await readLog(first.port, secret)).wire.until(isLine('up'));
    await order(first.port, 'RUN 1 slow');
    expect(await stop(first)).toBe(0);
    const { port } = await supervisors.start(pairs, undefined);
    expect(['137', '143', '256']).toContain((await runToEnd(port, '1', 'slow'))['code']);
    await expect(stat(join(root, 'data/dump'))).rejects.toThrow();
  });
});
