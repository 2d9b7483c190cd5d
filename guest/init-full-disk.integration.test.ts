import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { command, shell, type ConfigPair } from './testing/config-value.ts';
import { compileBinaries, readSegments, secret, Supervisors } from './testing/supervisor.ts';
import { eventWords, isEvent, isLine, readLog, text } from './testing/wire.ts';

const { available, init, program, folder } = await compileBinaries();
const canMount = process.getuid?.() === 0;
if (!canMount) console.warn('skipped: a disk that can be filled has to be mounted, which needs root');

describe.skipIf(!available || !canMount)('the log of the supervisor on a disk with trouble', () => {
  const supervisors = new Supervisors(init);
  const mounted: string[] = [];

  afterEach(async () => {
    for (const disk of mounted.splice(0)) execFileSync('umount', ['-l', disk]);
    await supervisors.end();
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function smallDisk(): Promise<string> {
    const disk = await supervisors.folder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    mounted.push(disk);
    return disk;
  }

  async function fill(disk: string): Promise<void> {
    for (const size of [65_536, 4096, 1]) {
      for (let part = 0; ; part++) {
        const written = await writeFile(join(disk, `filler-${size}-${part}`), Buffer.alloc(size)).then(
          () => true,
          () => false,
        );
        if (!written) break;
      }
    }
  }

  function unfill(disk: string): void {
    execFileSync('sh', ['-c', 'rm "$0"/filler-*', disk]);
  }

  it('counts what is lost while the disk is full, goes on when it is not, and says how much it was', async () => {
    const disk = await smallDisk();
    await writeFile(join(disk, 'filler-0'), Buffer.alloc(300_000));
    const steps = ['flood:3000000', 'say:flooded', 'wait'];
    const { port } = await supervisors.start(command(program, ...steps), disk);
    const { wire } = await readLog(port, secret);
    setTimeout(() => unfill(disk), 1000);
    const seen = await wire.until(isEvent('dropped'));

    const lines = seen.filter((entry) => entry.kind === 'frame' && entry.stream === 'o');
    const kept = lines.reduce((sum, entry) => sum + (entry.kind === 'frame' ? entry.data.length : 0), 0);
    const dropped = Number(eventWords(seen.at(-1)).bytes);
    expect(dropped).toBeGreaterThan(1_000_000);
    const printed = Math.ceil(3_000_000 / 72);
    expect(kept + dropped).toBe(printed * 71 + 'flooded'.length);
    expect(Buffer.concat((await readSegments(disk)).map(({ bytes }) => bytes)).length).toBe(wire.offset);
  });

  it('lets go of the oldest lines to keep the reason why a process ended', async () => {
    const disk = await smallDisk();
    const steps = ['flood:400000', 'say:flooded', 'sleep:1000', 'flood:100000', 'exit:7'];
    const pairs: ConfigPair[] = [...command(program, ...steps), ['log-limit', '300000'], ['restart', 'never']];
    const { port } = await supervisors.start(pairs, disk);
    const { wire } = await readLog(port, secret);
    await wire.until(isLine('flooded'));
    await fill(disk);
    const seen = (await wire.until(isEvent('finished'))).map(text);
    expect(seen.some((line) => line.startsWith('s event=dropped'))).toBe(true);
    expect(seen.at(-2)).toMatch(/^s event=exit code=7/);
  });

  it('moves on in memory when the disk turns read-only, and knows its offset when it starts there', async () => {
    const disk = await smallDisk();
    const pairs = shell('echo before; read x < $0; echo after; exec sleep 100');
    const pipe = join(await supervisors.folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const supervisor = await supervisors.start([...pairs, ['arg', pipe]], disk);
    const { wire } = await readLog(supervisor.port, secret);
    await wire.until(isLine('before'));
    const before = wire.offset;
    supervisor.process.kill('SIGKILL');
    await supervisor.ended;
    execFileSync('mount', ['-o', 'remount,ro', disk]);

    const again = await supervisors.start([...pairs, ['arg', pipe]], disk);
    const reader = await readLog(again.port, secret, before);
    expect(reader.answer).toBe(`FROM ${before}`);
    await writeFile(pipe, 'go\n');
    const seen = (await reader.wire.until(isLine('after'))).map(text);
    expect(seen[0]).toBe('s event=boot version=4');
    const all = (await (await readLog(again.port, secret)).wire.until(isLine('after'))).map(text);
    expect(all.filter((line) => line.startsWith('o '))).toEqual(['o before', 'o before', 'o after']);
    again.process.kill('SIGTERM');
    expect(await again.stderr).toMatch(/cannot write the log \(Read-only file system\)/);
  });
});
