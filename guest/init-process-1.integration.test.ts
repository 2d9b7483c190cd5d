import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { command, type ConfigPair } from './testing/config-value.ts';
import { asProcess1, findProcess1, makeGuestRoot } from './testing/guest-root.ts';
import { compileBinaries, freePort, secret, Supervisors, type Supervisor } from './testing/supervisor.ts';
import { admit, eventWords, isEvent, isLine, readLog, text } from './testing/wire.ts';

const binaries = await compileBinaries();
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('skipped: making namespaces and changing the root folder needs root');

const people = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nbroken line\n\napp:x:1000:1000::/home/app:/bin/sh\n',
  'etc/group': 'root:x:0:\napp:x:1000:\nlogs:x:2000:other,app\nnobody:x:2001:other\nmedia:x:2002:app\n',
};

describe.skipIf(!binaries.available || !isRoot)('the supervisor as process 1', () => {
  const guests: { supervisors: Supervisors; root: string }[] = [];

  afterEach(async () => {
    for (const { supervisors, root } of guests.splice(0)) {
      await supervisors.end();
      await rm(root, { recursive: true });
    }
  });
  afterAll(() => rm(binaries.folder, { recursive: true }));

  async function makeGuest(
    files?: Record<string, string>,
    proc = false,
  ): Promise<{ supervisors: Supervisors; root: string }> {
    const root = await makeGuestRoot(binaries, files);
    const guest = { supervisors: new Supervisors(...asProcess1(root, { proc })), root };
    guests.push(guest);
    return guest;
  }

  async function runGuest(
    pairs: readonly ConfigPair[],
    files?: Record<string, string>,
    proc = false,
  ): Promise<string[]> {
    const { supervisors } = await makeGuest(files, proc);
    const { port } = await supervisors.start([...pairs, ['restart', 'never']], undefined);
    const { wire } = await readLog(port, secret);
    return (await wire.until(isEvent('finished'))).map(text).filter((line) => !line.startsWith('s '));
  }

  async function stopGuest(supervisor: Supervisor, signal: NodeJS.Signals | number = 'SIGPWR'): Promise<number | null> {
    process.kill(await findProcess1(supervisor.process), signal);
    return (await supervisor.ended).code;
  }

  it('needs nothing of an image made FROM scratch, not even /dev or /proc', async () => {
    const value = `two\nlines, "quotes", 'more' and größe`;
    const { supervisors, root } = await makeGuest();
    const pairs: ConfigPair[] = [
      ['env', `VALUE=${value}`],
      ['env', 'HOME=/'],
      ['env', 'PATH=/'],
    ];
    const words = ['identity', 'files', 'environment', 'say:up', 'wait'];
    const supervisor = await supervisors.start([...command('program', ...words), ...pairs], undefined);
    const { wire } = await readLog(supervisor.port, secret);
    const lines = (await wire.until(isLine('up'))).map(text).slice(2);
    expect(lines.slice(0, 2)).toEqual(['o uid=0 gid=0 groups= cwd=/ session=1 writable=1', 'o files=0,1,2 stdin=0']);
    expect(lines.slice(2, 5).map((line) => Buffer.from(line.slice(2), 'hex').toString())).toContain(`VALUE=${value}`);
    expect(await stopGuest(supervisor)).toBe(0);
    expect(await readdir(join(root, '.containr/log'))).toEqual(['00000000000000000000']);
    expect((await stat(join(root, '.containr/log'))).mode & 0o777).toBe(0o700);
  });

  it('goes on at the offset where the last life of the guest ended', async () => {
    const { supervisors } = await makeGuest();
    let offset = 0;
    for (const line of ['one', 'two', 'three']) {
      const supervisor = await supervisors.start(command('/program', `say:${line}`, 'wait'), undefined);
      const { wire, answer } = await readLog(supervisor.port, secret, offset);
      expect(answer).toBe(`FROM ${offset}`);
      await wire.until(isLine(line));
      const stopped = stopGuest(supervisor);
      await wire.until(isEvent('exit'));
      expect(await stopped).toBe(0);
      offset = wire.offset;
    }
  });

  it.each([
    ['app', 'uid=1000 gid=1000 groups=2000,2002'],
    ['1000', 'uid=1000 gid=1000 groups=2000,2002'],
    ['app:nobody', 'uid=1000 gid=2001 groups='],
    ['1000:2000', 'uid=1000 gid=2000 groups='],
    ['app:77', 'uid=1000 gid=77 groups='],
    ['4242', 'uid=4242 gid=0 groups='],
    ['4242:77', 'uid=4242 gid=77 groups='],
    ['root', 'uid=0 gid=0 groups='],
    ['', 'uid=0 gid=0 groups='],
  ])('runs the process as "%s", in a working directory it can write', async (user, identity) => {
    const lines = await runGuest(
      [['user', user], ['cwd', '/srv/app/data'], ...command('/program', 'identity')],
      people,
    );
    expect(lines).toEqual([`o ${identity} cwd=/srv/app/data session=1 writable=1`]);
  });

  it('gives a new volume to the USER, and leaves one with content as it is', async () => {
    const { supervisors, root } = await makeGuest(people);
    await mkdir(join(root, 'new', 'lost+found'), { recursive: true });
    await mkdir(join(root, 'used'));
    await writeFile(join(root, 'used', 'file'), 'content');
    await symlink('/used', join(root, 'link'));
    const volumes = ['/new', '/used', '/link', '/absent'].map((path): ConfigPair => ['volume', path]);
    const pairs: ConfigPair[] = [['user', 'app'], ['restart', 'never'], ...volumes, ...command('/program', 'identity')];
    const { port } = await supervisors.start(pairs, undefined);
    await (await readLog(port, secret)).wire.until(isEvent('finished'));
    const owners = await Promise.all(['new', 'used'].map((name) => stat(join(root, name))));
    expect(owners.map(({ uid, gid }) => [uid, gid])).toEqual([
      [1000, 1000],
      [0, 0],
    ]);
  });

  it('lets a USER open /dev/stdout, and neither the log nor the configuration', async () => {
    const words = ['write:/proc/self/fd/1', 'read:/.containr/log', 'spy:x', 'environment'];
    const lines = await runGuest([['user', 'app'], ...command('/program', ...words)], people, true);
    expect(lines.slice(0, 3)).toEqual([
      'o /proc/self/fd/1 opened',
      'o /.containr/log Permission denied',
      'o environ=Permission denied',
    ]);
    expect(lines.map((line) => Buffer.from(line.slice(2), 'hex').toString())).toContain('HOME=/home/app');
  });

  it('closes its memory to a process of its own user, where it is not root itself', async () => {
    const asUser = ['setpriv', '--reuid=4242', '--regid=4242', '--clear-groups', binaries.init];
    const supervisors = new Supervisors(...asUser);
    guests.push({ supervisors, root: await mkdtemp(join(tmpdir(), 'containr-root-')) });
    await chmod(binaries.folder, 0o755);
    const pairs: ConfigPair[] = [...command(binaries.program, 'identity', 'spy:x', 'wait'), ['user', '4242:4242']];
    const { port } = await supervisors.start(pairs, undefined);
    const lines = (await (await readLog(port, secret)).wire.until(isLine('environ=Permission denied'))).map(text);
    expect(lines.at(-2)).toContain('uid=4242 gid=4242 groups= ');
  });

  it('kills a process that ignores SIGTERM, and ends', async () => {
    const { supervisors } = await makeGuest();
    const pairs: ConfigPair[] = [...command('/program', 'ignore:15', 'say:up', 'wait'), ['stop-timeout', '200']];
    const supervisor = await supervisors.start(pairs, undefined);
    const { wire } = await readLog(supervisor.port, secret);
    await wire.until(isLine('up'));
    const stopped = stopGuest(supervisor);
    expect(eventWords((await wire.until(isEvent('exit'))).at(-1)).signal).toBe('SIGKILL');
    expect(await stopped).toBe(0);
  });

  it('reaps whatever is orphaned', async () => {
    const lines = await runGuest(command('/program', 'zombies:300', 'reaped'), {}, true);
    expect(lines).toEqual(['o orphaned=300', 'o zombies=0 processes=2']);
  });

  it('keeps a crash loop going, and no process of it', async () => {
    const { supervisors } = await makeGuest({}, true);
    const supervisor = await supervisors.start(command('/program', 'reaped', 'die'), undefined);
    const { wire } = await readLog(supervisor.port, secret);
    await wire.until(isEvent('exit'));
    const seen = (await wire.until(isEvent('exit'))).map(text);
    expect(seen.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      's event=backoff',
      's event=start',
      'o zombies=0',
      's event=exit',
    ]);
    expect(seen[2]).toBe('o zombies=0 processes=2');
    expect((await admit(supervisor.port, secret)).state).toBe('backoff');
  });

  it('ends daemons that nobody knows when the guest is stopped', async () => {
    const { supervisors, root } = await makeGuest();
    const supervisor = await supervisors.start(command('/program', 'daemon', 'daemon', 'say:up', 'wait'), undefined);
    await (await readLog(supervisor.port, secret)).wire.until(isLine('up'));
    expect(await processesIn(root)).toBe(4);
    expect(await stopGuest(supervisor)).toBe(0);
    expect(await processesIn(root)).toBe(0);
  });

  it('says that the port is open, where there is a /proc', async () => {
    const { supervisors } = await makeGuest({}, true);
    const port = await freePort();
    const pairs: ConfigPair[] = [...command('/program', `listen:${port}`, 'wait'), ['ready-port', `${port}`]];
    const supervisor = await supervisors.start(pairs, undefined);
    const seen = (await (await readLog(supervisor.port, secret)).wire.until(isEvent('listening'))).map(text);
    expect(seen.at(-1)).toBe(`s event=listening port=${port}`);
  });

  it('writes hostname, hosts and resolv.conf, each start anew and never twice', async () => {
    const files = { 'etc/hosts': '127.0.0.1 localhost\n10.0.0.1 kept', 'etc/resolv.conf': 'nameserver 9.9.9.9\n' };
    const { supervisors, root } = await makeGuest(files);
    const pairs: ConfigPair[] = [
      ['hostname', 'web-1'],
      ['hosts', '10.0.0.2 db'],
      ['hosts', '10.0.0.3 cache'],
      ['nameserver', '10.0.0.53'],
      ['nameserver', '10.0.0.54'],
      ['search', 'one.example'],
      ['search', 'two.example'],
    ];
    for (const line of ['one', 'two']) {
      const supervisor = await supervisors.start([...command('/program', `say:${line}`, 'wait'), ...pairs], undefined);
      await (await readLog(supervisor.port, secret)).wire.until(isLine(line));
      expect(await stopGuest(supervisor)).toBe(0);
    }
    expect(await readFile(join(root, 'etc/hostname'), 'utf8')).toBe('web-1\n');
    expect((await readFile(join(root, 'etc/hosts'), 'utf8')).split('\n')).toEqual([
      '127.0.0.1 localhost',
      '10.0.0.1 kept',
      '# containr: begin',
      '127.0.1.1 web-1',
      '10.0.0.2 db',
      '10.0.0.3 cache',
      '# containr: end',
      '',
    ]);
    const resolv = 'search one.example two.example\nnameserver 10.0.0.53\nnameserver 10.0.0.54\n';
    expect(await readFile(join(root, 'etc/resolv.conf'), 'utf8')).toBe(resolv);
  });

  it('leaves the files of the image alone when it is told nothing', async () => {
    const files = { 'etc/hosts': '10.0.0.1 kept', 'etc/resolv.conf': 'nameserver 9.9.9.9\n' };
    const { supervisors, root } = await makeGuest(files);
    const supervisor = await supervisors.start(command('/program', 'say:up', 'wait'), undefined);
    await (await readLog(supervisor.port, secret)).wire.until(isLine('up'));
    expect(await readdir(join(root, 'etc'))).toEqual(['hosts', 'resolv.conf']);
    expect(await readFile(join(root, 'etc/hosts'), 'utf8')).toBe(files['etc/hosts']);
  });

  it('runs on a root that is read-only', async () => {
    const { supervisors, root } = await makeGuest(people);
    execFileSync('mount', ['--bind', root, root]);
    execFileSync('mount', ['-o', 'remount,bind,ro', root]);
    try {
      const pairs: ConfigPair[] = [...command('/program', 'identity', 'wait'), ['hostname', 'web-1'], ['user', 'app']];
      const supervisor = await supervisors.start(pairs, undefined);
      const { wire } = await readLog(supervisor.port, secret);
      await wire.until(isLine('uid=1000 gid=1000 groups=2000,2002 cwd=/ session=1 writable=0'));
      expect(await stopGuest(supervisor, 'SIGTERM')).toBe(0);
      expect(await supervisor.stderr).toMatch(
        /cannot write \/etc\/hosts: Read-only.*\n.*cannot write the log \(Read-only/,
      );
    } finally {
      execFileSync('umount', ['-l', root]);
    }
  });
});

/** How many processes of this machine have that folder as their root. */
async function processesIn(root: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const roots = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/root`).catch(() => '')));
  return roots.filter((each) => each === root).length;
}
