import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { command, configValue } from './testing/config-value.ts';
import { order } from './testing/orders.ts';
import { compileBinaries, freePort, secret, Supervisors } from './testing/supervisor.ts';

const { available, init, program, folder } = await compileBinaries();

const root = '27 1 252:7 / / rw,relatime shared:1 - ext4 /dev/mapper/pve-vm--100--disk--0 rw';
const volume = '40 27 252:8 / /data rw - ext4 /dev/mapper/pve-vm--100--disk--1 rw';
const proc = '22 27 0:21 / /proc rw,relatime - proc proc rw';
const rootCounts = '252:7 rbytes=819200 wbytes=4096 rios=20 wios=1 dbytes=0 dios=0';
const volumeCounts = '252:8 rbytes=8192 wbytes=409600 rios=2 wios=100 dbytes=0 dios=3';
const below = '259:0 rbytes=827392 wbytes=413696 rios=22 wios=101 dbytes=0 dios=3';

describe.skipIf(!available)('what a supervisor tells of the disks', () => {
  const supervisors = new Supervisors(init);

  afterEach(() => supervisors.end());
  afterAll(() => rm(folder, { recursive: true }));

  async function answer(mountinfo: string[] | undefined, ioStat: string[] | undefined): Promise<string> {
    const usage = await supervisors.folder();
    if (mountinfo) await writeFile(join(usage, 'mountinfo'), mountinfo.map((line) => `${line}\n`).join(''));
    if (ioStat) await writeFile(join(usage, 'io.stat'), ioStat.map((line) => `${line}\n`).join(''));
    const port = await freePort();
    const value = configValue([
      ['secret', secret],
      ['port', `${port}`],
      ['listen', '127.0.0.1'],
      ...command(program, 'wait'),
    ]);
    supervisors.startWith({ CONTAINR_CONFIG: value, CONTAINR_USAGE_DIR: usage });
    return (await order(port, 'USAGE')).replace(/uptime_ms=\d{1,5}$/, 'uptime_ms=U');
  }

  it('is what was read and written on all that is mounted', async () => {
    expect(await answer([proc, root, volume], [rootCounts, volumeCounts])).toBe(
      'USAGE reads=22 writes=101 uptime_ms=U',
    );
  });

  it('counts nothing again on the disk that the mounted ones stand on, and one mounted twice once', async () => {
    const again = volume.replace('/data', '/other');
    const told = await answer([root, volume, again], [below, volumeCounts, rootCounts]);
    expect(told).toBe('USAGE reads=22 writes=101 uptime_ms=U');
  });

  it('is understood where the kernel leaves devices without numbers on the same line', async () => {
    expect(await answer([root], [`7:1 7:0 ${rootCounts}`, '252:8 '])).toBe('USAGE reads=20 writes=1 uptime_ms=U');
  });

  it.each([
    ['there is no such cgroup', [root], undefined],
    ['it is not known what is mounted', undefined, [rootCounts]],
    ['no disk was counted', [root], []],
    ['only a part is counted', [root, volume], [rootCounts, below]],
    ['ZFS keeps a part', [root, '41 27 0:55 / /data rw - zfs rpool/subvol-100-disk-1 rw'], [rootCounts, below]],
    ['the network keeps a part', [root, '41 27 0:55 / /data rw - nfs4 nas:/data rw'], [rootCounts, below]],
    ['nothing of what is mounted is a disk', [proc], [below]],
    ['a number is none', [root], ['252:7 rios=2x wios=1']],
    ['a number is negative', [root], ['252:7 rios=-2 wios=1']],
    ['a number is too large', [root], ['252:7 rios=18446744073709551617 wios=1']],
    ['the sum is too large', [root, volume], ['252:7 rios=9007199254740992 wios=1', '252:8 rios=1 wios=1']],
    ['the table is too long', [root], [rootCounts, '7:0 '.repeat(100_000)]],
  ])('is nothing when %s', async (_, mountinfo, ioStat) => {
    expect(await answer(mountinfo, ioStat)).toBe('USAGE');
  });

  it('is nothing outside of a guest, where the cgroup is of somebody else', async () => {
    const { port } = await supervisors.start(command(program, 'wait'), undefined);
    expect(await order(port, 'USAGE')).toBe('USAGE');
  });
});
