import { describe, expect, it } from 'vitest';
import { newDiskGiB, readBackedUpDisks } from './backed-up-disks.ts';

const GIB = 2 ** 30;

describe('readBackedUpDisks', () => {
  it('reads sizes and paths, and what went into the backup', () => {
    const text = [
      '#rootfs: not this one',
      'arch: amd64',
      'mp0: local-lvm:vm-100-disk-1,mp=/data,backup=1,size=5G',
      'mp1: local-lvm:vm-100-disk-2,mp=/cache,size=512M',
      'mp2: /srv/films,mp=/films,backup=1',
      'rootfs: local-lvm:vm-100-disk-0,size=2G',
      'hookscript: local:snippets/evil.pl',
      '[before]',
      'rootfs: local-lvm:vm-100-disk-0,size=9G',
    ].join('\n');
    expect(readBackedUpDisks(text)).toEqual({
      rootBytes: 2 * GIB,
      mounts: [
        { path: '/data', bytes: 5 * GIB, included: true },
        { path: '/cache', bytes: 0.5 * GIB, included: false },
      ],
    });
  });

  it('takes what is no config for a guest without volumes', () => {
    expect(readBackedUpDisks('mp0\nmp: x\n\u0000')).toEqual({ rootBytes: 4 * GIB, mounts: [] });
  });
});

describe('newDiskGiB', () => {
  it('never rounds down, and keeps to what a file system needs', () => {
    expect(newDiskGiB(1.5 * GIB)).toBe(1.5);
    expect(newDiskGiB(GIB + 1)).toBe(1.001);
    expect(newDiskGiB(1)).toBe(0.1);
  });
});
