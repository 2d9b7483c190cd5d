import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectoryStorage, NoSpace } from './directory-storage.ts';
import { mkfsLines } from './mkfs-log.ts';
import { localStorage } from './storage-definition.ts';
import { parseVolumeName } from './volume-name.ts';

const gibibyte = 1024 ** 3;
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-'));
});
afterEach(() => rm(folder, { recursive: true }));

function storage(totalBytes?: number): DirectoryStorage {
  return new DirectoryStorage({ ...localStorage, ...(totalBytes !== undefined && { totalBytes }) }, folder);
}

describe('DirectoryStorage', () => {
  it('names disks with the first number that is free', () => {
    const local = storage();
    const names = [1, 2, 3].map(() => local.allocate(100, gibibyte, 0).name);
    local.forget('100/vm-100-disk-1.raw');
    expect([...names, local.allocate(100, gibibyte, 0).name]).toEqual([
      '100/vm-100-disk-0.raw',
      '100/vm-100-disk-1.raw',
      '100/vm-100-disk-2.raw',
      '100/vm-100-disk-1.raw',
    ]);
  });

  it('knows its volumes after a restart', () => {
    const { name } = storage().allocate(100, 2 * gibibyte, 5000);
    expect(storage().volume(name)).toEqual({
      name,
      vmid: 100,
      sizeBytes: 2 * gibibyte,
      contentBytes: 0,
      createdAt: 5,
      exposedPorts: [],
    });
  });

  it('gives a volume to another guest under a name of that one', () => {
    const local = storage();
    const { name } = local.allocate(100, gibibyte, 0);
    mkdirSync(local.pathOf(name));
    writeFileSync(join(local.pathOf(name), 'file'), '');
    expect(local.rename(name, 101)).toMatchObject({ name: '101/vm-101-disk-0.raw', vmid: 101 });
    expect([local.has(name), storage().has('101/vm-101-disk-0.raw')]).toEqual([false, true]);
  });

  it('is full when its disks and files take up all there is', () => {
    const local = storage(100 * 1024 ** 2);
    local.allocate(100, gibibyte, 0);
    local.allocate(101, gibibyte, 0);
    writeFileSync(local.pathOf('vztmpl/x.tar'), Buffer.alloc(10 * 1024 ** 2));
    expect(() => local.allocate(102, gibibyte, 0)).toThrow(NoSpace);
    expect(local.space()).toMatchObject({ total: 100 * 1024 ** 2, available: 26 * 1024 ** 2 });
  });

  it('lists files that have a name Proxmox knows', () => {
    const local = storage();
    for (const name of ['a.tar', 'b.tar.zst', 'c.zip']) writeFileSync(join(folder, 'template/cache', name), 'x');
    expect(local.files('vztmpl').map(({ name, volume }) => [name, volume.format])).toEqual([
      ['vztmpl/a.tar', 'tar'],
      ['vztmpl/b.tar.zst', 'tzst'],
    ]);
  });
});

describe('parseVolumeName', () => {
  it.each(['1G', '../x', 'vztmpl/a.zip', 'vztmpl/../x.tar', 'backup/x'])('refuses %s', (name) => {
    expect(() => parseVolumeName(name)).toThrow(`unable to parse directory volume name '${name}'`);
  });

  it('finds the owner of a backup', () => {
    expect(parseVolumeName('backup/vzdump-lxc-100-2026_01_31-12_00_00.tar.zst')).toMatchObject({
      content: 'backup',
      owner: 100,
      format: 'tar.zst',
    });
  });
});

describe('mkfsLines', () => {
  it.each([
    [1, 'Creating filesystem with 262144 4k blocks and 65536 inodes', ['\t32768, 98304, 163840, 229376']],
    [
      999,
      'Creating filesystem with 261881856 4k blocks and 65470464 inodes',
      [
        '\t32768, 98304, 163840, 229376, 294912, 819200, 884736, 1605632, 2654208, ',
        '\t4096000, 7962624, 11239424, 20480000, 23887872, 71663616, 78675968, ',
        '\t102400000, 214990848',
      ],
    ],
  ])('says about %i GiB what mkfs.ext4 says', (size, first, backups) => {
    const lines = mkfsLines(size * gibibyte);
    expect(lines[0]).toBe(first);
    expect(lines.slice(3)).toEqual(backups);
  });
});
