import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { command, shell, type ConfigPair } from './testing/config-value.ts';
import { compileBinaries, processStatus, readSegments, secret, Supervisors } from './testing/supervisor.ts';
import { isEvent, isLine, readLog, text, type Entry } from './testing/wire.ts';

const { available, init, program, folder } = await compileBinaries();
const once: ConfigPair = ['restart', 'never'];

describe.skipIf(!available)('the log of the supervisor', () => {
  const supervisors = new Supervisors(init);
  afterEach(() => supervisors.end());
  afterAll(() => rm(folder, { recursive: true }));

  async function logOf(pairs: ConfigPair[], log?: string): Promise<Entry[]> {
    const { port } = await supervisors.start([...pairs, once], log);
    const { wire } = await readLog(port, secret);
    return wire.until(isEvent('finished'));
  }

  async function linesOf(script: string): Promise<string[]> {
    return (await logOf(shell(script))).map(text).filter((line) => !line.startsWith('s '));
  }

  it.each([
    ['a frame for each line', 'echo one; echo two', ['o one', 'o two']],
    ['an empty line', 'echo; echo', ['o ', 'o ']],
    ['a last line without a newline', 'printf "one\\ntwo"', ['o one', 'o two']],
    ['stderr apart from stdout', 'echo out; sleep 0.1; echo err >&2', ['o out', 'e err']],
    ['a line written in pieces', 'printf on; sleep 0.05; printf "e\\n"', ['o one']],
    ['bytes that are no text', 'printf "a\\000b\\r\\303\\251\\n"', ['o a\0b\ré']],
    ['what a child in the background prints', '(echo child) & wait', ['o child']],
  ])('holds %s', async (_, script, lines) => {
    expect(await linesOf(script)).toEqual(lines);
  });

  it.each([
    [16_383, ['o16383']],
    [16_384, ['o16384']],
    [16_385, ['O16384', 'o1']],
    [40_000, ['O16384', 'O16384', 'o7232']],
  ])('says of a line of %d bytes that more follows, only where more does', async (length, pieces) => {
    for (const ending of ['\\n', '']) {
      const entries = await logOf(shell(`head -c ${length} /dev/zero | tr '\\0' x; printf '${ending}'`));
      const frames = entries.filter((entry) => entry.kind === 'frame').filter((frame) => frame.stream !== 's');
      expect(frames.map((frame) => `${frame.stream}${frame.data.length}`)).toEqual(pieces);
    }
  });

  it('tells the life of the process in events, its end behind all it printed', async () => {
    const script = 'setsid sleep 3 & sleep 0.1; printf "last words"; exit 3'; // the pipe stays open behind it
    const entries = (await logOf(shell(script))).map(text);
    expect(entries[0]).toBe('s event=boot version=4');
    expect(entries[1]).toMatch(/^s event=start pid=\d+ attempt=1$/);
    expect(entries[2]).toBe('o last words');
    expect(entries[3]).toMatch(/^s event=exit code=3 pid=\d+ uptime_ms=\d+$/);
    expect(entries[4]).toBe('s event=finished code=3');
  });

  it('gives each frame the time of the clock', async () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const entries = await logOf(shell('echo now'));
    const after = BigInt(Date.now() + 1) * 1_000_000n;
    for (const entry of entries) {
      expect(entry.kind === 'frame' && entry.timeNs >= before && entry.timeNs <= after).toBe(true);
    }
  });

  it('lies on the disk as it goes over the wire, closed to everybody else', async () => {
    const log = await supervisors.folder();
    await chmod(log, 0o777);
    const entries = await logOf(command(program, 'flood:200000'), log);
    const segments = await readSegments(log);
    expect(Buffer.concat(segments.map(({ bytes }) => bytes))).toEqual(rawBytes(entries));
    expect((await stat(log)).mode & 0o777).toBe(0o700);
    for (const { name } of segments) expect((await stat(join(log, name))).mode & 0o777).toBe(0o600);
  });

  it('is cut into segments of an eighth of its limit, named after their offset, the oldest dropped first', async () => {
    const log = await supervisors.folder();
    const limit = 400_000;
    await logOf([...command(program, 'flood:2000000'), ['log-limit', `${limit}`]], log);
    const segments = await readSegments(log);
    let next = Number(segments[0]?.name);
    expect(next).toBeGreaterThan(0);
    for (const { name, bytes } of segments) {
      expect(name).toBe(`${next}`.padStart(20, '0'));
      expect(bytes.length).toBeLessThanOrEqual(limit / 8);
      next += bytes.length;
    }
    const kept = segments.reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(kept).toBeLessThanOrEqual(limit);
    expect(kept).toBeGreaterThan(limit * 0.8);
  });

  it('shrinks when the limit was lowered', async () => {
    const log = await supervisors.folder();
    for (const limit of [4_000_000, 300_000]) {
      const pairs: ConfigPair[] = [...command(program, 'flood:2000000'), once, ['log-limit', `${limit}`]];
      const supervisor = await supervisors.start(pairs, log);
      await (await readLog(supervisor.port, secret)).wire.until(isEvent('finished'));
      const { start, end } = await readLog(supervisor.port, secret);
      expect(end - start).toBeLessThanOrEqual(limit);
      supervisor.process.kill('SIGTERM');
      await supervisor.ended;
    }
  });

  it('loses and repeats nothing when the supervisor is stopped and started again', async () => {
    const log = await supervisors.folder();
    const seen: Entry[] = [];
    let offset = 0;
    for (const line of ['first', 'second', 'third']) {
      const supervisor = await supervisors.start(shell(`echo ${line}; exec sleep 100`), log);
      const { wire, answer } = await readLog(supervisor.port, secret, offset);
      expect(answer).toBe(`FROM ${offset}`);
      seen.push(...(await wire.until(isLine(line))));
      supervisor.process.kill('SIGTERM');
      seen.push(...(await wire.until(isEvent('exit'))));
      await supervisor.ended;
      offset = wire.offset;
    }
    const names = seen.map(text).map((line) => line.replace(/^s event=(\w+) .*/, '$1'));
    const life = (line: string): string[] => ['boot', 'start', `o ${line}`, 'stopping', 'exit'];
    expect(names).toEqual([...life('first'), ...life('second'), ...life('third')]);
    expect(rawBytes(seen)).toEqual(Buffer.concat((await readSegments(log)).map(({ bytes }) => bytes)));
  });

  it('loses and repeats nothing when the supervisor is killed in the middle of its output', async () => {
    const log = await supervisors.folder();
    const chunks: Buffer[] = [];
    let offset = 0;
    for (let life = 0; life < 8; life++) {
      const supervisor = await supervisors.start(command(program, 'flood:500000000'), log);
      const { wire, answer } = await readLog(supervisor.port, secret, offset);
      expect(answer).toBe(`FROM ${offset}`);
      const enough = offset + 300_000 + life * 77_777;
      while (wire.offset < enough) chunks.push(rawBytes([await wire.entry()]));
      supervisor.process.kill('SIGKILL');
      await supervisor.ended;
      for (;;) {
        const entry = await wire.entry();
        if (!entry) break;
        chunks.push(rawBytes([entry]));
      }
      offset = wire.offset;
    }
    const onDisk = Buffer.concat((await readSegments(log)).map(({ bytes }) => bytes));
    expect(digest(onDisk.subarray(0, offset))).toBe(digest(Buffer.concat(chunks)));
  });

  const whole = 'o 1700000000000000000 5\nhello\n';
  it.each([
    ['a header', `${whole}o 17000`],
    ['a header without its newline', `${whole}o 1700000000000000000 5`],
    ['the data', `${whole}o 1700000000000000000 5\nhel`],
    ['the newline behind the data', `${whole}o 1700000000000000000 5\nhello`],
    ['a block of zeros that the disk left', `${whole}${'\0'.repeat(5000)}`],
    ['a length nobody wrote', `${whole}o 1700000000000000000 99999\n${'x'.repeat(100_000)}`],
  ])('goes on behind the last whole frame when it was cut in %s', async (_, bytes) => {
    const log = await supervisors.folder();
    await writeFile(join(log, '00000000000000001000'), bytes);
    const { port } = await supervisors.start([...shell('echo again'), once], log);
    const { wire, answer, start } = await readLog(port, secret, 1000);
    expect({ start, answer }).toEqual({ start: 1000, answer: 'FROM 1000' });
    const seen = (await wire.until(isEvent('finished'))).map(text);
    expect(seen.slice(0, 2)).toEqual(['o hello', 's event=boot version=4']);
    const segments = await readSegments(log);
    expect(segments.map(({ bytes }) => bytes.length)).toEqual([wire.offset - 1000]);
  });

  it('begins at the next whole segment when one is damaged in the middle, and says what is gone', async () => {
    const log = await supervisors.folder();
    await writeFile(join(log, `${0}`.padStart(20, '0')), `${whole}${'\0'.repeat(30)}${whole}`);
    await writeFile(join(log, `${90}`.padStart(20, '0')), whole);
    const { port } = await supervisors.start(command(program, 'wait'), log);
    const { wire } = await readLog(port, secret);
    const seen = (await wire.until(isEvent('start'))).map(text);
    expect(seen.slice(0, 4)).toEqual(['o hello', 'GAP 30 90', 'o hello', 's event=boot version=4']);
    expect((await readLog(port, secret, 45)).answer).toBe('FROM 45');
  });

  it('passes over what is no segment', async () => {
    const log = await supervisors.folder();
    await writeFile(join(log, 'notes'), 'mine');
    await writeFile(join(log, '99999999999999999999'), whole);
    await mkdir(join(log, '00000000000000000007'));
    await symlink('/etc/passwd', join(log, '00000000000000000008'));
    const { port } = await supervisors.start(command(program, 'wait'), log);
    const { wire, start } = await readLog(port, secret);
    expect(start).toBe(0);
    expect(text((await wire.entry()) ?? { kind: 'gap', from: 0, to: 0 })).toBe('s event=boot version=4');
    expect(await readdir(log)).toContain('notes');
  });

  it('lives in memory, and keeps the newest megabyte, where no folder can be made', async () => {
    const { port } = await supervisors.start([...command(program, 'flood:3000000', 'say:done', 'wait')], '/proc/none');
    await (await readLog(port, secret)).wire.until(isLine('done'));
    const { answer, start, end, wire } = await readLog(port, secret);
    expect(answer).toBe(`GAP 0 ${start}`);
    expect(end - start).toBeGreaterThan(1024 * 1024 - 20_000);
    expect(end - start).toBeLessThanOrEqual(1024 * 1024);
    const seen = await wire.until(isLine('done'));
    const numbers = seen.slice(0, -1).map((entry) => Number(text(entry).split(' ')[1]));
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  });

  it('takes 50 MB at once whole, and needs no more memory for it', async () => {
    const log = await supervisors.folder();
    const pairs: ConfigPair[] = [...command(program, 'flood:50000000', 'say:done', 'wait'), ['log-limit', '200000000']];
    const supervisor = await supervisors.start(pairs, log);
    const { wire } = await readLog(supervisor.port, secret);
    let lines = 0;
    let bytes = 0;
    for (;;) {
      const entry = await wire.entry();
      if (entry?.kind !== 'frame') throw new Error('the log ended or has a gap');
      if (entry.stream === 's') continue;
      if (entry.data.toString() === 'done') break;
      if (Number(entry.data.toString('utf8', 0, 9)) !== lines++) throw new Error(`line ${lines - 1} is not there`);
      bytes += entry.data.length + 1;
    }
    expect(bytes).toBeGreaterThanOrEqual(50_000_000);
    const peak = await processStatus(supervisor.process.pid, 'VmHWM');
    expect(Number.parseInt(peak)).toBeLessThan(3 * 1024);
  });

  it('still hears what an earlier process left running', async () => {
    const script = `
      if [ -e $0.up ]; then exec sleep 100; fi
      setsid sh -c ': > $0.up; sleep 1.5; echo left behind' $0 &
      while [ ! -e $0.up ]; do sleep 0.01; done`;
    const log = await supervisors.folder();
    const { port } = await supervisors.start(command('/bin/sh', '-c', script, join(log, 'marker')), log);
    const { wire } = await readLog(port, secret);
    const seen = (await wire.until(isLine('left behind'))).map(text);
    expect(seen.filter((line) => line.startsWith('s event=start'))).toHaveLength(2);
  });
});

function rawBytes(entries: (Entry | undefined)[]): Buffer {
  return Buffer.concat(entries.map((entry) => (entry?.kind === 'frame' ? entry.raw : Buffer.alloc(0))));
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
