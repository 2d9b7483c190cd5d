import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { command, shell } from './testing/config-value.ts';
import { compileBinaries, freePort, secret, Supervisors } from './testing/supervisor.ts';
import { admit, isEvent, isLine, proof, readLog, text, Wire } from './testing/wire.ts';

const { available, init, program, folder } = await compileBinaries();

describe.skipIf(!available)('the port of the supervisor', () => {
  const shared = new Supervisors(init);
  const own = new Supervisors(init);
  let port = 0;

  beforeAll(async () => {
    port = (await shared.start(command(program, 'say:hello', 'wait'), undefined)).port;
    const { wire } = await readLog(port, secret);
    await wire.until(isLine('hello'));
    wire.close();
  });
  afterEach(() => own.end());
  afterAll(async () => {
    await shared.end();
    await rm(folder, { recursive: true });
  });

  it('greets each connection with a nonce of its own', async () => {
    const greetings = [await greeting(port), await greeting(port)];
    expect(greetings[0]).toMatch(/^CONTAINR\/1 [0-9a-f]{32}$/);
    expect(greetings[1]).not.toEqual(greetings[0]);
  });

  it('admits who knows the secret, and says where the log begins and ends and how the process is', async () => {
    const { wire, start, end, state } = await admit(port, secret);
    expect({ start, state }).toEqual({ start: 0, state: 'running' });
    expect(end).toBeGreaterThan(0);
    wire.close();
  });

  it('takes a secret longer than a block of the hash', async () => {
    const long = 'x'.repeat(100);
    const supervisor = await own.start([...command(program, 'wait'), ['secret', long]], undefined);
    expect((await admit(supervisor.port, long)).state).toBe('running');
  });

  it.each([
    ['another secret', (nonce: string) => proof('wrong', nonce)],
    ['the proof for another nonce', () => proof(secret, '0'.repeat(32))],
    ['something that is no hex', () => 'z'.repeat(64)],
    ['nothing', () => ''],
  ])('refuses %s, and only after a second', async (_, answer) => {
    const wire = await Wire.open(port);
    const nonce = (await wire.line())?.split(' ')[1] ?? '';
    const asked = Date.now();
    wire.send(`AUTH ${answer(nonce)}\nLOGS 0\n`);
    expect((await wire.rest()).toString()).toBe('ERR wrong secret\n');
    expect(Date.now() - asked).toBeGreaterThan(900);
  });

  it.each(['LOGS 0', 'STATUS', 'AUTH', '', 'GET / HTTP/1.1'])('tells nothing to who begins with "%s"', async (line) => {
    const wire = await Wire.open(port);
    await wire.line();
    wire.send(`${line}\n`);
    expect((await wire.rest()).toString()).toBe('ERR authenticate first\n');
  });

  it('ends a connection whose line is too long', async () => {
    const wire = await Wire.open(port);
    await wire.line();
    wire.send('A'.repeat(100_000));
    expect((await wire.rest()).toString()).toBe('ERR the line is too long\n');
  });

  it('answers STATUS as often as it is asked, also when the questions come at once', async () => {
    const { wire } = await admit(port, secret);
    wire.send('STATUS\nSTATUS\nSTATUS\nLOGS 0\n');
    const answers = [await wire.line(), await wire.line(), await wire.line(), await wire.line()];
    expect(answers).toEqual(['running', 'running', 'running', 'FROM 0']);
    expect((await wire.until(isLine('hello'))).map(text).at(0)).toBe('s event=boot version=4');
    wire.close();
  });

  it.each([
    ['LOGS 99999999', 'ERR the log ends before that offset\n'],
    ['LOGS 99999999999999999999', 'ERR LOGS wants an offset\n'],
    ['LOGS -1', 'ERR LOGS wants an offset\n'],
    ['LOGS', 'ERR unknown command\n'],
    ['PING', 'ERR unknown command\n'],
  ])('ends the connection on "%s"', async (line, answer) => {
    const { wire } = await admit(port, secret);
    wire.send(`${line}\n`);
    expect((await wire.rest()).toString()).toBe(answer);
  });

  it('sends the log from any offset, also from the middle of a frame', async () => {
    const { wire, end } = await admit(port, secret);
    wire.send('LOGS 0\n');
    expect(await wire.line()).toBe('FROM 0');
    const whole = await wire.bytes(end);
    for (const offset of [1, 30, end - 1, end]) {
      const again = await admit(port, secret);
      again.wire.send(`LOGS ${offset}\n`);
      expect(await again.wire.line()).toBe(`FROM ${offset}`);
      expect(await again.wire.bytes(end - offset)).toEqual(whole.subarray(offset));
      again.wire.close();
    }
    wire.close();
  });

  it('holds sixteen connections, and makes room for a seventeenth at the cost of a stranger', async () => {
    const admitted = await Promise.all(Array.from({ length: 15 }, () => admit(port, secret)));
    const stranger = await Wire.open(port);
    await stranger.line();
    const late = await admit(port, secret);
    expect(await stranger.line()).toBeUndefined();
    expect(await greeting(port)).toBeUndefined();
    for (const { wire } of [...admitted, late]) wire.close();
    await expect.poll(() => greeting(port)).toMatch(/^CONTAINR/);
  });

  it('closes a connection that does not authenticate within five seconds', async () => {
    const wire = await Wire.open(port);
    await wire.line();
    const connected = Date.now();
    expect(await wire.line()).toBeUndefined();
    expect(Date.now() - connected).toBeGreaterThan(4500);
  });

  it('stays closed without a secret', async () => {
    const closed = await freePort();
    const log = await own.folder();
    await own.start([...command(program, 'wait'), ['secret', '']], log, closed);
    const again = createServer().listen(closed, '127.0.0.1');
    await once(again, 'listening'); // nobody else has the port
    again.close();
  });

  it('opens later when the port is still taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const address = squatter.address();
    const taken = typeof address === 'object' && address !== null ? address.port : 0;
    const supervisor = await own.start(command(program, 'wait'), undefined, taken);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await new Promise((resolve) => squatter.close(resolve));
    expect((await admit(taken, secret)).state).toBe('running');
    supervisor.process.kill('SIGTERM');
    expect(await supervisor.stderr).toMatch(/cannot listen on port \d+ \(Address (already )?in use\)/);
  });

  it('sends what is printed as it is printed, to everybody who reads', async () => {
    const supervisor = await own.start(shell('read x < /dev/null; sleep 0.3; echo later; exec sleep 100'), undefined);
    const readers = await Promise.all([0, 1, 2].map(() => readLog(supervisor.port, secret)));
    const seen = await Promise.all(readers.map(({ wire }) => wire.until(isLine('later'))));
    expect(seen.map((entries) => entries.map(text).at(-1))).toEqual(['o later', 'o later', 'o later']);
  });

  it('never lets a client that does not read slow the process down, and tells it what it missed', async () => {
    const log = await own.folder();
    const flood = [...command(program, 'sleep:300', 'flood:60000000', 'say:done', 'wait')];
    const supervisor = await own.start([...flood, ['log-limit', '1000000']], log);
    const slow = await readLog(supervisor.port, secret);
    const quick = await readLog(supervisor.port, secret);
    await quick.wire.until(isLine('done'));

    const seen = await slow.wire.until(isLine('done'));
    const gap = seen.findIndex((entry) => entry.kind === 'gap');
    expect(gap).toBeGreaterThan(0);
    expect(text(seen[gap + 1] ?? { kind: 'gap', from: 0, to: 0 })).toMatch(/^o \d{9} the quick/);
    expect(slow.wire.offset).toBe(quick.wire.offset);
  });

  it('answers an offset that is no longer kept with the gap', async () => {
    const log = await own.folder();
    const flood = [...command(program, 'flood:3000000'), ['restart', 'never'] as const];
    const supervisor = await own.start([...flood, ['log-limit', '300000']], log);
    const first = await readLog(supervisor.port, secret);
    await first.wire.until(isEvent('finished'));
    const { answer, start, end, wire } = await readLog(supervisor.port, secret, 17);
    expect(answer).toBe(`GAP 17 ${start}`);
    expect(end - start).toBeLessThanOrEqual(300_000);
    await wire.until(isEvent('finished'));
    expect(wire.offset).toBe(end);
  });

  it('sends the last lines to those who read before it ends', async () => {
    const supervisor = await own.start(
      shell('trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.01; done'),
      undefined,
    );
    const { wire } = await readLog(supervisor.port, secret);
    await wire.until(isLine('up'));
    supervisor.process.kill('SIGTERM');
    const seen = (await wire.until(isEvent('exit'))).map(text);
    expect(seen.slice(0, 2)).toEqual(['s event=stopping signal=SIGTERM', 'o bye']);
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
  });
});

async function greeting(port: number): Promise<string | undefined> {
  const wire = await Wire.open(port);
  const line = await wire.line();
  wire.close();
  return line;
}
