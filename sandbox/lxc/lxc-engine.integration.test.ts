import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../engine/engine.ts';
import { writeImage } from './archive-fixture.ts';
import { EngineFixture, engineTestObstacle, until } from './engine-fixture.ts';

const obstacle = await engineTestObstacle();

describe.skipIf(obstacle !== undefined)('LxcEngine', () => {
  let fixture: EngineFixture;
  beforeAll(async () => {
    fixture = await EngineFixture.create();
  });
  afterAll(() => fixture.close());

  it('runs the entrypoint as process 1 with its words, and nothing but its own environment', async () => {
    const guest = await fixture.guest(
      100,
      'echo $$ "$1" "$2" | put words; cat /proc/1/environ | put environ; sleep 1000',
      {
        env: ['PATH=/bin', 'QUOTES=a "b" \'c\' #d = e\\n', 'EMPTY=', 'UTF8=grüß'],
      },
    );
    await fixture.engine.start({ ...guest, entrypoint: [...guest.entrypoint, 'zero', `it's "one"`, 'a  b'] });
    expect(await fixture.output(guest, 'words')).toBe(`1 it's "one" a  b\n`);
    const environ = (await fixture.output(guest, 'environ')).split('\0').filter((entry) => entry !== '');
    expect(environ.sort()).toEqual(
      ['EMPTY=', 'PATH=/bin', 'QUOTES=a "b" \'c\' #d = e\\n', 'TERM=linux', 'UTF8=grüß', 'container=lxc'].sort(),
    );
    await fixture.engine.stop(100);
  });

  it('passes one variable of 100 KB unchanged', async () => {
    const value = 'x'.repeat(100_000);
    const guest = await fixture.guest(101, 'echo "$BIG" | put big; sleep 1000', { env: ['PATH=/bin', `BIG=${value}`] });
    await fixture.engine.start(guest);
    expect(await fixture.output(guest, 'big')).toBe(`${value}\n`);
    await fixture.engine.stop(101);
  });

  it('runs as the image says: user, group, and a working directory that it makes', async () => {
    const guest = await fixture.guest(102, '{ id -u; id -g; } | put ignored; sleep 1000');
    await writeFile(join(guest.rootfs, 'out'), '');
    const entrypoint = ['sh', '-c', '{ id -u; id -g; pwd; } > /tmp/out; mv /tmp/out /tmp/done; sleep 1000'];
    await fixture.engine.start({ ...guest, entrypoint, uid: 1000, gid: 1001, cwd: '/srv/app' });
    expect(await fixture.output(guest, 'tmp/done')).toBe('1000\n1001\n/srv/app\n');
    await fixture.engine.stop(102);
  });

  it('never writes outside the guest when its working directory leads through a symbolic link', async () => {
    const guest = await fixture.guest(103, 'pwd | put cwd; sleep 1000');
    const outside = join(fixture.folder, 'outside');
    await mkdir(outside);
    await symlink(outside, join(guest.rootfs, 'link'));
    await fixture.engine.start({ ...guest, cwd: '/link/made' });
    expect(await fixture.output(guest, 'cwd')).toBe(`${outside}/made\n`);
    expect(existsSync(join(outside, 'made'))).toBe(false);
    expect(existsSync(join(guest.rootfs, outside, 'made'))).toBe(true);
    await fixture.engine.stop(103);
  });

  it.each([
    ['a program that is not there', '/nope'],
    ['a file that may not be executed', '/etc/data'],
  ])('refuses to start %s, with the words of LXC in the log', async (_, program) => {
    const guest = await fixture.guest(104, '');
    await mkdir(join(guest.rootfs, 'etc'), { recursive: true });
    await writeFile(join(guest.rootfs, 'etc/data'), 'text');
    const refusal: unknown = await fixture.engine
      .start({ ...guest, entrypoint: [program] })
      .catch((error: unknown) => error);
    if (!(refusal instanceof EngineError)) throw new Error('the guest started');
    expect(refusal.message).toBe("startup for container '104' failed");
    expect(refusal.log.join('\n')).toContain(`Failed to exec "${program}"`);
    expect(fixture.engine.isRunning(104)).toBe(false);
  });

  it.each([
    ['a line break in the environment', { env: ['A=b\nlxc.rootfs.path = /'] }, 'line break'],
    ['a line break in the working directory', { cwd: '/a\nb' }, 'line break'],
    ['a host name that is none', { hostname: 'a b' }, 'host name'],
    ['a signal that is none', { haltSignal: 'SIGNOPE' }, 'SIGNOPE'],
    ['a user that the id map lacks', { uid: 70_000 }, '70000'],
  ])('refuses %s', async (_, changes, words) => {
    const guest = await fixture.guest(105, 'sleep 1000', changes);
    await expect(fixture.engine.start(guest)).rejects.toThrow(words);
    expect(fixture.engine.isRunning(105)).toBe(false);
  });

  it('starts an image from scratch that has not even the folders to mount on', async () => {
    const guest = await fixture.guest(106, 'sleep 1000');
    const archive = join(fixture.folder, 'scratch.tar');
    const content = await readFile(join(guest.rootfs, 'bin/busybox'));
    await writeImage(archive, { layers: [{ entries: [{ name: 'sleep', mode: 0o755, content }] }] });
    const rootfs = join(fixture.folder, 'scratch');
    await mkdir(rootfs);
    await fixture.engine.unpack({ path: archive, format: 'oci' }, rootfs);
    await fixture.engine.start({ ...guest, rootfs, entrypoint: ['/sleep', '1000'] });
    expect(fixture.engine.isRunning(106)).toBe(true);
    await fixture.engine.stop(106);
  });

  it('gives a guest the mounts of an application container, and no power over the machine', async () => {
    const script = `cat /proc/mounts | put mounts; ls /dev | put devices; cat /proc/self/uid_map | put map
      { mount -o remount,rw /proc/sys; echo 0 > /proc/sys/kernel/panic && echo sysctl
        mknod /disk b 254 0 && echo device; } 2>/dev/null | put power
      sleep 1000`;
    const guest = await fixture.guest(107, script);
    await fixture.engine.start(guest);
    const mounts = await fixture.output(guest, 'mounts');
    expect(mounts).toMatch(/^\S+ \/dev\/shm tmpfs /m);
    expect(mounts).toMatch(/^sysfs \/sys sysfs ro,/m);
    expect(mounts).toMatch(/^proc \/proc\/sys proc ro,/m);
    const devices = (await fixture.output(guest, 'devices')).split('\n');
    expect(devices).toEqual(expect.arrayContaining(['null', 'zero', 'random', 'urandom', 'tty', 'shm', 'pts']));
    expect(devices).not.toEqual(expect.arrayContaining(['mem']));
    expect((await fixture.output(guest, 'map')).trim().split(/\s+/)).toEqual(['0', '100000', '65536']);
    expect(await fixture.output(guest, 'power')).toBe('');
    await fixture.engine.stop(107);
  });

  it('mounts volumes that belong to the guest, also at a path with a space, and read-only where asked', async () => {
    const script = `echo kept > "/data/my files/a"; touch /ro/b || echo refused | put refused; sleep 1000`;
    const volume = join(fixture.folder, 'volumes/100-1');
    const other = join(fixture.folder, 'volumes/100-2');
    await fixture.engine.makeVolume(volume);
    await fixture.engine.makeVolume(other);
    const guest = await fixture.guest(108, script, {
      mounts: [
        { key: 'mp0', path: volume, mountPath: '/data/my files', readOnly: false },
        { key: 'mp1', path: other, mountPath: '/ro', readOnly: true },
      ],
    });
    await fixture.engine.start(guest);
    expect(await fixture.output(guest, 'refused')).toBe('refused\n');
    expect(await readFile(join(volume, 'a'), 'utf8')).toBe('kept\n');
    await fixture.engine.stop(108);
    expect(await readFile(join(volume, 'a'), 'utf8')).toBe('kept\n');
    await fixture.engine.removeVolume(volume);
    expect(existsSync(volume)).toBe(false);
  });

  it('writes name files into a guest it manages, and nothing into one it does not', async () => {
    const managed = await fixture.guest(109, 'sleep 1000', { unmanaged: false });
    await fixture.engine.start(managed);
    expect(await readFile(join(managed.rootfs, 'etc/hostname'), 'utf8')).toBe('guest-109\n');
    expect(await readFile(join(managed.rootfs, 'etc/hosts'), 'utf8')).toContain('127.0.1.1 guest-109');
    await fixture.engine.stop(109);
    const unmanaged = await fixture.guest(110, 'sleep 1000');
    await fixture.engine.start(unmanaged);
    expect(existsSync(join(unmanaged.rootfs, 'etc'))).toBe(false);
    await fixture.engine.stop(110);
  });

  it('lets a guest that heeds its halt signal end by itself', async () => {
    const guest = await fixture.guest(
      111,
      'trap "echo bye | put bye; exit 0" USR1; echo | put ready; while :; do sleep 0.05; done',
      {
        haltSignal: 'SIGUSR1',
      },
    );
    await fixture.engine.start(guest);
    await fixture.output(guest, 'ready');
    expect(await fixture.engine.shutdown(111, 10_000)).toBe(true);
    expect(await fixture.output(guest, 'bye')).toBe('bye\n');
    expect(fixture.engine.isRunning(111)).toBe(false);
    expect(fixture.exits).not.toContain(111);
  });

  it('says that a guest which ignores its halt signal still runs', async () => {
    const guest = await fixture.guest(112, 'sleep 1000');
    await fixture.engine.start(guest);
    expect(await fixture.engine.shutdown(112, 200)).toBe(false);
    expect(fixture.engine.isRunning(112)).toBe(true);
    await fixture.engine.stop(112);
    expect(fixture.engine.isRunning(112)).toBe(false);
  });

  it('tells when process 1 ends by itself, once, and starts the guest again', async () => {
    const guest = await fixture.guest(113, 'sleep 0.2');
    for (const times of [1, 2]) {
      await fixture.engine.start(guest);
      await until(() => fixture.exits.filter((vmid) => vmid === 113).length === times);
      expect(fixture.engine.isRunning(113)).toBe(false);
    }
    expect(fixture.exits.filter((vmid) => vmid === 113)).toHaveLength(2);
  });

  it('tells of a process 1 that ends within a millisecond after it started', async () => {
    const guest = await fixture.guest(114, '');
    await fixture.engine.start(guest);
    await until(() => fixture.exits.includes(114));
    expect(fixture.engine.isRunning(114)).toBe(false);
  });

  it('follows a guest that reboots itself to its new process 1', async () => {
    const script = 'if [ -e /once ]; then echo | put again; sleep 1000; fi; touch /once; sleep 0.2; reboot -f';
    const guest = await fixture.guest(115, script);
    await fixture.engine.start(guest);
    const before = await fixture.engine.usage(115);
    await fixture.output(guest, 'again');
    const after = await fixture.engine.usage(115);
    expect(after?.pid).not.toBe(before?.pid);
    expect(fixture.engine.isRunning(115)).toBe(true);
    expect(fixture.exits).not.toContain(115);
    await fixture.engine.stop(115);
  });

  it('refuses to start a guest twice', async () => {
    const guest = await fixture.guest(116, 'sleep 1000');
    await fixture.engine.start(guest);
    await expect(fixture.engine.start(guest)).rejects.toThrow('CT 116 already running');
    await fixture.engine.stop(116);
  });

  it('leaves a volume in the hands of the container root', async () => {
    const volume = join(fixture.folder, 'volumes/owned');
    await fixture.engine.makeVolume(volume);
    expect(await stat(volume)).toMatchObject({ uid: 100_000, gid: 100_000 });
  });
});
