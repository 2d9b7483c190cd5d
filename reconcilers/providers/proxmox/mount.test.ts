import { describe, expect, it } from 'vitest';
import { freeMountKey, mountBytes, mountPathProblem, mountText, parseMount } from './mount.ts';

describe('a mount point', () => {
  it('is written for a new volume, and read as Proxmox gives it back', () => {
    expect(mountText({ volume: 'local-lvm:5', path: '/data', readOnly: false })).toBe('local-lvm:5,mp=/data,backup=1');
    expect(parseMount('local:101/vm-101-disk-1.raw,mp=/data dir,backup=1,ro=1,size=5G')).toEqual({
      volume: 'local:101/vm-101-disk-1.raw',
      path: '/data dir',
      readOnly: true,
      size: '5G',
    });
  });

  it('reads what it wrote', () => {
    const mount = { volume: 'a:vm-1-disk-2', path: '/srv/x=y', readOnly: true, size: '1124M' };
    expect(parseMount(mountText(mount))).toEqual(mount);
  });

  it.each([
    ['5G', 5 * 2 ** 30],
    ['1124M', 1124 * 2 ** 20],
    ['1.5T', 1.5 * 2 ** 40],
    ['1024', 1024],
    ['big', undefined],
    [undefined, undefined],
  ])('reads the size %s', (size, bytes) => {
    expect(mountBytes(size)).toBe(bytes);
  });

  it.each([
    ['/data', true],
    ['/var/lib/my data', true],
    ['/data,backup=0', false],
    ['/', false],
    ['//', false],
    ['/a/../b', false],
    ['/a/./b', false],
    ['/data ', false],
  ])('may stand at %j: %s', (path, isGood) => {
    expect(mountPathProblem(path) === undefined).toBe(isGood);
  });

  it('takes the lowest key that is free', () => {
    expect(freeMountKey(new Set(['mp0', 'mp2']))).toBe('mp1');
    expect(freeMountKey(new Set(Array.from({ length: 256 }, (_, index) => `mp${index}`)))).toBeUndefined();
  });
});
