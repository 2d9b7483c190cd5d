import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { command, shell, type ConfigPair } from './testing/config-value.ts';
import { order, runnable, runToEnd, toldOf } from './testing/orders.ts';
import { compileBinaries, processStatus, secret, Supervisors } from './testing/supervisor.ts';
import { admit, isEvent, isLine, readLog, text } from './testing/wire.ts';

const { available, init, program, folder } = await compileBinaries();
const path: ConfigPair = ['env', 'PATH=/usr/bin:/bin'];
const main: ConfigPair[] = [...command(program, 'say:up', 'wait'), path];
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
const sh = (name: string, script: string, about?: Record<string, string>): ConfigPair[] =>
  runnable(name, ['/bin/sh', '-c', script], about);

describe.skipIf(!available)('a run of a command', () => {
  const supervisors = new Supervisors(init);
  afterEach(() => supervisors.end());
  afterAll(() => rm(folder, { recursive: true }));

  async function start(pairs: ConfigPair[], log?: string): Promise<number> {
    return (await supervisors.start([...main, ...pairs], log)).port;
  }

  it('is begun once for an id, tells that it runs, and then how it ended', async () => {
    const place = await supervisors.folder();
    const port = await start(sh('slow', `echo x >>${place}/count; sleep 0.3; echo out; echo err >&2; exit 3`));
    expect(await order(port, 'RUN a-1 slow')).toBe('RUN a-1 state=running');
    expect(await order(port, 'RUN a-1 slow')).toBe('RUN a-1 state=running');
    const told = await runToEnd(port, 'a-1', 'slow');
    expect(told).toMatchObject({ id: 'a-1', state: 'exited', code: '3', size: '4', sha256: sha256('out\n') });
    expect(told['tail']).toContain('out\n');
    expect(told['tail']).toContain('err\n');
    expect(await runToEnd(port, 'a-1', 'slow')).toEqual(told);
    expect(await readFile(join(place, 'count'), 'utf8')).toBe('x\n');
    await runToEnd(port, 'a-2', 'slow');
    expect(await readFile(join(place, 'count'), 'utf8')).toBe('x\nx\n');
  });

  it('has the environment and the working directory of the process, and nothing to read', async () => {
    const place = await supervisors.folder();
    const port = await start([
      ['env', 'A=b c'],
      ['cwd', place],
      ...sh('look', 'echo "$A $PWD"; cat; cat /proc/self/environ | grep -c CONTAINR'),
    ]);
    expect(await runToEnd(port, '1', 'look')).toMatchObject({ tail: `b c ${place}\n0\n` });
  });

  it('writes what comes out into a file, whole, in a folder that only its user may enter', async () => {
    const place = await supervisors.folder();
    const output = join(place, 'new/deep/dump');
    const port = await start(sh('dump', 'echo kept; echo said >&2', { output }));
    expect(await runToEnd(port, '1', 'dump')).toMatchObject({
      code: '0',
      size: '5',
      sha256: sha256('kept\n'),
      tail: 'said\n',
    });
    expect(await readFile(output, 'utf8')).toBe('kept\n');
    expect((await stat(join(place, 'new/deep'))).mode & 0o777).toBe(0o700);
    expect((await stat(output)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(place, 'new/deep'))).toEqual(['dump']);
  });

  it('leaves the file of before where the command fails, and nothing half-done beside it', async () => {
    const place = await supervisors.folder();
    const output = join(place, 'dump');
    await writeFile(output, 'before');
    await writeFile(`${output}.part`, 'left by a crash');
    const port = await start(sh('dump', 'echo half; exit 1', { output }));
    expect(await runToEnd(port, '1', 'dump')).toMatchObject({ code: '1', size: '5' });
    expect(await readFile(output, 'utf8')).toBe('before');
    expect(await readdir(place)).toEqual(['dump']);
  });

  it('does not write through a link', async () => {
    const place = await supervisors.folder();
    await writeFile(join(place, 'victim'), 'safe');
    await symlink(join(place, 'victim'), join(place, 'dump'));
    await symlink(join(place, 'victim'), join(place, 'dump.part'));
    const port = await start(sh('dump', 'echo new', { output: join(place, 'dump') }));
    expect(await runToEnd(port, '1', 'dump')).toMatchObject({ code: '0' });
    expect(await readFile(join(place, 'victim'), 'utf8')).toBe('safe');
    expect(await readFile(join(place, 'dump'), 'utf8')).toBe('new\n');
  });

  it('reads its input from a file, and does not begin without it', async () => {
    const place = await supervisors.folder();
    const input = join(place, 'dump');
    const port = await start(sh('load', 'cat', { input }));
    expect(await runToEnd(port, '1', 'load')).toMatchObject({
      code: '257',
      tail: `cannot read its input ${input}: No such file or directory`,
    });
    await writeFile(input, 'content');
    expect(await runToEnd(port, '2', 'load')).toMatchObject({ code: '0', tail: 'content' });
  });

  it('keeps the last 4 KiB of what it says', async () => {
    const port = await start(sh('talk', 'seq 1 100000; echo the end >&2'));
    const told = await runToEnd(port, '1', 'talk');
    expect(told['tail']).toHaveLength(4096);
    expect(told['tail']?.endsWith('100000\nthe end\n') || told['tail']?.includes('99999\n100000\n')).toBe(true);
  });

  it('takes 200 MB without taking memory for them, while the process goes on', async () => {
    const place = await supervisors.folder();
    const output = join(place, 'big');
    const { port, process } = await supervisors.start(
      [...main, ...sh('big', 'head -c 200000000 /dev/zero', { output })],
      undefined,
    );
    const { wire } = await readLog(port, secret);
    await wire.until(isLine('up'));
    const before = Number.parseInt(await processStatus(process.pid, 'VmRSS'));
    const ended = runToEnd(port, '1', 'big');
    let slowest = 0;
    for (let isOver = false; !isOver;) {
      const asked = performance.now();
      await order(port, 'STATUS');
      slowest = Math.max(slowest, performance.now() - asked);
      isOver = await Promise.race([ended.then(() => true), sleep(20, false)]);
    }
    expect(await ended).toMatchObject({ code: '0', size: '200000000', sha256: sha256(Buffer.alloc(200_000_000)) });
    expect((await stat(output)).size).toBe(200_000_000);
    expect(Number.parseInt(await processStatus(process.pid, 'VmHWM')) - before).toBeLessThan(2048);
    expect(slowest).toBeLessThan(1500);
  });

  it('says which signal ended it, and why it could not be executed', async () => {
    const port = await start([
      ...sh('dies', 'kill -TERM $$'),
      ...runnable('absent', ['no-such-program']),
      ...runnable('closed', ['/etc/passwd']),
    ]);
    expect(await runToEnd(port, '1', 'dies')).toMatchObject({ code: '143' });
    expect(await runToEnd(port, '2', 'absent')).toMatchObject({ code: '127', size: '0', sha256: sha256('') });
    expect((await runToEnd(port, '2', 'absent'))['tail']).toContain("cannot run 'no-such-program'");
    expect(await runToEnd(port, '3', 'closed')).toMatchObject({ code: '126' });
  });

  it('takes what it left running with it', async () => {
    const place = await supervisors.folder();
    const port = await start(sh('leaves', `(sleep 0.4; echo alive >${place}/alive) & echo done`));
    expect(await runToEnd(port, '1', 'leaves')).toMatchObject({ code: '0', tail: 'done\n' });
    await sleep(600);
    expect(await readdir(place)).toEqual([]);
  });

  it('is refused where name or id make no sense, and under an id that is taken', async () => {
    const port = await start(sh('a', 'true').concat(sh('b', 'true')));
    expect(await order(port, 'RUN 1 c')).toBe('RUN 1 state=unknown');
    await runToEnd(port, '1', 'a');
    expect(await order(port, 'RUN 1 b')).toBe('ERR that id is a run of another command');
    for (const words of ['RUN 1', 'RUN ', 'RUN  a', 'RUN ../x a', `RUN ${'x'.repeat(65)} a`, 'RUN 2 a b', 'RUN 2 '])
      expect(await order(port, words)).toMatch(/^ERR a run wants an id/);
    expect(await order(port, `RUN ${'x'.repeat(64)} a`)).toMatch(/state=(running|exited)/);
  });

  it('waits while as many run as may, and while another writes the same file', async () => {
    const place = await supervisors.folder();
    const many = Array.from({ length: 9 }, (_, at) => sh(`c${at}`, 'sleep 5'));
    const port = await start([
      ...many.flat(),
      ...sh('x', 'sleep 5', { output: join(place, 'f') }),
      ...sh('y', 'true', { output: join(place, 'f') }),
    ]);
    expect(await order(port, 'RUN x x')).toContain('running');
    expect(await order(port, 'RUN x2 x')).toBe('RUN x2 state=busy');
    expect(await order(port, 'RUN y y')).toBe('RUN y state=busy');
    for (let at = 0; at < 7; at++) expect(await order(port, `RUN c${at} c${at}`)).toContain('running');
    expect(await order(port, 'RUN c7 c7')).toBe('RUN c7 state=busy');
  });

  it('is remembered with the last 32, and a hundred are no trouble', async () => {
    const { port, process } = await supervisors.start([...main, ...sh('n', 'echo $$')], await supervisors.folder());
    for (let at = 0; at < 100; at++) expect(await runToEnd(port, `r${at}`, 'n')).toMatchObject({ code: '0' });
    const last = await runToEnd(port, 'r99', 'n');
    expect(await runToEnd(port, 'r99', 'n')).toEqual(last);
    const files = await readdir(`/proc/${process.pid}/fd`);
    expect(files.length).toBeLessThan(20);
    expect(await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')).toMatch(/^\d+ $/);
  });

  it('is remembered by the next life of the guest: how it ended, or that nobody knows', async () => {
    const log = await supervisors.folder();
    const place = await supervisors.folder();
    const pairs = [...main, ...sh('quick', 'echo hi'), ...sh('slow', `echo x >>${place}/count; sleep 60`)];
    const first = await supervisors.start(pairs, log);
    const told = await runToEnd(first.port, 'q', 'quick');
    await order(first.port, 'RUN s slow');
    while (!(await readdir(place)).includes('count')) await sleep(10);
    first.process.kill('SIGKILL');
    await first.ended;
    const { port } = await supervisors.start(pairs, log);
    expect(await runToEnd(port, 'q', 'quick')).toEqual(told);
    expect(await runToEnd(port, 's', 'slow')).toMatchObject({ state: 'exited', code: '256', size: '0' });
    expect(await readFile(join(place, 'count'), 'utf8')).toBe('x\n');
    expect((await stat(join(log, 'runs'))).mode & 0o777).toBe(0o600);
  });

  it('survives a record that is damaged or cut, and begins what that does not show', async () => {
    const log = await supervisors.folder();
    const pairs = [...main, ...sh('n', 'echo hi')];
    const first = await supervisors.start(pairs, log);
    await runToEnd(first.port, 'a', 'n');
    await runToEnd(first.port, 'b', 'n');
    first.process.kill('SIGKILL');
    await first.ended;
    const bytes = await readFile(join(log, 'runs'));
    bytes.write('X', bytes.indexOf('end a') + 6);
    await writeFile(join(log, 'runs'), bytes);
    const second = await supervisors.start(pairs, log);
    expect(await runToEnd(second.port, 'a', 'n')).toMatchObject({ code: '256' });
    expect(await runToEnd(second.port, 'b', 'n')).toMatchObject({ code: '0' });
    second.process.kill('SIGKILL');
    await second.ended;
    await truncate(join(log, 'runs'), 100);
    const third = await supervisors.start(pairs, log);
    expect(await runToEnd(third.port, 'b', 'n')).toMatchObject({ code: '0' });
  });

  it('is killed when the guest is asked to stop, and does not hold it up', async () => {
    const { port, process, ended } = await supervisors.start(
      [...main, ...sh('slow', 'trap "" TERM; sleep 60; sleep 60')],
      undefined,
    );
    await order(port, 'RUN 1 slow');
    const { wire } = await readLog(port, secret);
    await wire.until(isLine('up'));
    process.kill('SIGTERM');
    await wire.until(isEvent('exit'));
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  it('does not mind that the process restarts, nor does the process', async () => {
    const pairs = [...shell('echo up; sleep 0.2; exit 1'), path, ...sh('slow', 'sleep 1.5; echo done')];
    const { port } = await supervisors.start(pairs, undefined);
    const { wire } = await readLog(port, secret);
    await wire.until(isLine('up'));
    expect(await order(port, 'RUN 1 slow')).toContain('running');
    const seen = (await wire.until(isLine('up'))).map(text);
    expect(seen.some((line) => line.includes('event=exit code=1'))).toBe(true);
    expect(await runToEnd(port, '1', 'slow')).toMatchObject({ code: '0', tail: 'done\n' });
  });

  it('is lost when what looks after it is killed, and the program does not go on alone', async () => {
    const { port, process: supervisor } = await supervisors.start([...main, ...sh('slow', 'sleep 60')], undefined);
    await order(port, 'RUN 1 slow');
    await sleep(200);
    const children = (await readFile(`/proc/${supervisor.pid}/task/${supervisor.pid}/children`, 'utf8'))
      .trim()
      .split(' ');
    const keeper = Number(children.at(-1));
    const [child] = (await readFile(`/proc/${keeper}/task/${keeper}/children`, 'utf8')).trim().split(' ');
    process.kill(keeper, 'SIGKILL');
    expect(await runToEnd(port, '1', 'slow')).toMatchObject({ code: '256' });
    await sleep(50);
    await expect(readFile(`/proc/${child}/status`)).rejects.toThrow();
  });

  it('needs a client that was let in', async () => {
    const port = await start(sh('n', 'true'));
    const { wire } = await admit(port, secret);
    wire.send('STATUS\nRUN 1 n\n');
    expect(await wire.line()).toMatch(/running|starting/);
    expect(toldOf((await wire.line()) ?? '')).toMatchObject({ id: '1' });
    wire.close();
  });

  it('is no way to make the output folder of somebody else', async () => {
    const place = await supervisors.folder();
    await mkdir(join(place, 'file'));
    await chmod(join(place, 'file'), 0o755);
    await writeFile(join(place, 'file/plain'), '');
    const port = await start(sh('dump', 'echo x', { output: join(place, 'file/plain/dump') }));
    const told = await runToEnd(port, '1', 'dump');
    expect(told).toMatchObject({ code: '257' });
    expect(told['tail']).toContain('cannot make the folder');
  });
});
