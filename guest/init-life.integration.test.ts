import { once } from 'node:events';
import { readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { command, configValue, shell, type ConfigPair } from './testing/config-value.ts';
import { compileBinaries, freePort, secret, Supervisors } from './testing/supervisor.ts';
import { admit, eventWords, isEvent, isLine, readLog, text, type Entry } from './testing/wire.ts';

const { available, init, program, folder } = await compileBinaries();
const never: ConfigPair = ['restart', 'never'];
const inBoth: ConfigPair = ['env', `PATH=${folder}:/bin`];

describe.skipIf(!available)('the life of the process', () => {
  const supervisors = new Supervisors(init);
  beforeAll(async () => {
    await writeFile(join(folder, 'plain'), 'text');
    await writeFile(join(folder, 'broken-script'), '#!/no/such/interpreter\n', { mode: 0o755 });
    await writeFile(join(folder, 'garbage'), 'neither ELF nor script', { mode: 0o755 });
  });
  afterEach(() => supervisors.end());
  afterAll(() => rm(folder, { recursive: true }));

  async function logOf(pairs: ConfigPair[], last = 'finished'): Promise<Entry[]> {
    const { port } = await supervisors.start(pairs, undefined);
    return (await readLog(port, secret)).wire.until(isEvent(last));
  }

  async function linesOf(pairs: ConfigPair[]): Promise<string[]> {
    return (await logOf([...pairs, never])).map(text).filter((line) => line.startsWith('o '));
  }

  it('gives the process its words and its environment byte by byte, and nothing else', async () => {
    const values = {
      MULTI: 'line one\nline two\n',
      QUOTES: `it's "quoted" \\ and $HOME \`x\``,
      UTF8: 'größe 🚀',
      EMPTY: '',
      EQUALS: 'a=b=c',
    };
    const env = Object.entries(values).map(([name, value]) => ['env', `${name}=${value}`] as const);
    const word = `a "word"\n'of' ünïcode $(x)`;
    const lines = await linesOf([...command(program, `hex:${word}`, 'environment'), ...env, ['env', 'HOME=/x']]);
    const [first, ...rest] = lines.map((line) => Buffer.from(line.slice(2), 'hex').toString());
    expect(first).toBe(word);
    const expected = Object.entries({ ...values, HOME: '/x' }).map(([name, value]) => `${name}=${value}`);
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    expect(rest.toSorted()).toEqual([...expected, path].toSorted());
  });

  it('takes HOME from /etc/passwd and lets the last of two values count', async () => {
    const lines = await linesOf([
      ...command(program, 'environment'),
      ['env', 'A=1'],
      ['env', 'A=2'],
      ['env', 'PATH=/bin'],
    ]);
    const environment = lines.map((line) => Buffer.from(line.slice(2), 'hex').toString());
    expect(environment.toSorted()).toEqual(['A=2', `HOME=${userInfo().homedir}`, 'PATH=/bin'].toSorted());
  });

  it('leaves the process no open file, no blocked signal and nothing to read', async () => {
    const lines = await linesOf(command(program, 'files', 'signals', 'identity'));
    expect(lines[0]).toBe('o files=0,1,2 stdin=0');
    expect(lines[1]).toBe('o blocked=0 ignored=0');
    expect(lines[2]).toContain('session=1');
  });

  it('finds the command in the PATH of the process, not in its own', async () => {
    expect(await linesOf([...command('program', 'say:found'), ['env', `PATH=/nowhere:${folder}`]])).toEqual([
      'o found',
    ]);
    expect(await linesOf([...command('./program', 'say:found'), ['cwd', folder]])).toEqual(['o found']);
    expect(await linesOf([...command('program', 'say:found'), ['cwd', folder], ['env', 'PATH=']])).toEqual(['o found']);
  });

  it('makes the working directory', async () => {
    const cwd = `${folder}/made/for/it`;
    expect((await linesOf([...command(program, 'identity'), ['cwd', cwd]]))[0]).toContain(`cwd=${cwd} `);
  });

  it.each<[string, ConfigPair[], RegExp]>([
    [
      'does not exist',
      command('/no/such/thing'),
      /^s event=exec-failed errno=2 message=cannot run \/no\/such\/thing: /,
    ],
    ['is not in PATH', command('nothing-such'), /errno=2 message=cannot run 'nothing-such': .* \(searched in \/usr\//],
    ['is a folder', command('/etc'), /errno=13 message=cannot run \/etc: Permission denied/],
    ['may not be executed', command(`${folder}/plain`), /errno=13 message=.*: Permission denied/],
    [
      'wants an interpreter that is not there',
      command(`${folder}/broken-script`),
      /errno=2 .* the interpreter or loader it needs/,
    ],
    ['is found in PATH and is broken', [...command('broken-script'), inBoth], /errno=2 .* the interpreter or loader/],
    ['is for another processor', command(`${folder}/garbage`), /errno=8 .* made for another processor/],
    ['is empty', command(''), /errno=2/],
    [
      'has no such user',
      [...command('/bin/true'), ['user', 'nobody-such']],
      /errno=2 message=there is no user 'nobody-such'/,
    ],
    ['has no such group', [...command('/bin/true'), ['user', '0:grp']], /errno=2 message=there is no group 'grp'/],
    [
      'has a file for a directory',
      [...command('/bin/true'), ['cwd', '/etc/passwd']],
      /message=cannot enter the working/,
    ],
    ['has a newline in its name', command('a\nb'), /message=cannot run 'a\?b'/],
  ])('says why the process cannot be executed when the command %s', async (_, pairs, reason) => {
    const events = (await logOf([...pairs, never])).map(text);
    expect(events[1]).toMatch(reason);
    expect(events.at(-1)).toMatch(/^s event=finished code=12[67]$/);
  });

  it.each([
    ['always', 'exit 0', 'backoff'],
    ['always', 'exit 3', 'backoff'],
    ['on-failure', 'exit 0', 'finished'],
    ['on-failure', 'exit 3', 'backoff'],
    ['never', 'exit 3', 'finished'],
  ])('with restart %s and %s comes to %s', async (restart, script, next) => {
    const events = await logOf([...shell(script), ['restart', restart]], next);
    expect(events.map((entry) => eventWords(entry).event)).toEqual(['boot', 'start', 'exit', next]);
  });

  it('starts a crashing process again with a delay that doubles', async () => {
    const { port } = await supervisors.start(command(program, 'say:up', 'die'), undefined);
    const { wire } = await readLog(port, secret);
    const seen: Record<string, string>[] = [];
    while (seen.filter(({ event }) => event === 'backoff').length < 3) {
      const entry = await wire.entry();
      if (entry && text(entry).startsWith('s ')) seen.push(eventWords(entry));
    }
    expect(seen.filter(({ event }) => event === 'backoff').map((words) => words.delay_ms)).toEqual([
      '1000',
      '2000',
      '4000',
    ]);
    expect(seen.filter(({ event }) => event === 'start').map((words) => words.attempt)).toEqual(['1', '2', '3']);
    expect(seen.filter(({ event }) => event === 'exit').map((words) => words.signal)).toEqual(Array(3).fill('SIGABRT'));
    expect((await admit(port, secret)).state).toBe('backoff');
  });

  it('ends what is left of the process group before it starts the process again', async () => {
    const port = await freePort();
    const server = shell(`${program} listen:${port} wait & sleep 0.2; exit 1`);
    const supervisor = await supervisors.start(server, undefined);
    const { wire } = await readLog(supervisor.port, secret);
    await wire.until(isEvent('exit'));
    await expect.poll(() => canListen(port)).toBe(true); // never, if the first one still lived
  });

  it('stays when the process has finished, so that the log and the code can be read', async () => {
    const supervisor = await supervisors.start([...shell('exit 5'), never], undefined);
    await (await readLog(supervisor.port, secret)).wire.until(isEvent('finished'));
    expect((await admit(supervisor.port, secret)).state).toBe('finished');
    supervisor.process.kill('SIGTERM');
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
  });

  it.each<NodeJS.Signals | number>(['SIGTERM', 'SIGPWR', 37])(
    'stops on signal %s with the signal the process wants',
    async (signal) => {
      const traps = `trap 'echo got quit; exit 0' QUIT; trap '' TERM; echo up; while :; do sleep 0.01; done`;
      const supervisor = await supervisors.start([...shell(traps), ['stop-signal', 'QUIT']], undefined);
      const { wire } = await readLog(supervisor.port, secret);
      await wire.until(isLine('up'));
      process.kill(supervisor.process.pid ?? 0, signal);
      const seen = (await wire.until(isEvent('exit'))).map(text);
      expect(seen).toContain('s event=stopping signal=SIGQUIT');
      expect(seen).toContain('o got quit');
      expect(await supervisor.ended).toEqual({ code: 0, signal: null });
    },
  );

  it.each([
    ['SIGUSR1', 'SIGUSR1'],
    ['term', 'SIGTERM'],
    ['9', 'SIGKILL'],
    ['SIGRTMIN+3', 'SIGRTMIN+3'],
    ['RTMAX-1', 'SIGRTMIN+29'],
  ])('understands the stop signal %s', async (given, signal) => {
    const supervisor = await supervisors.start(
      [...command(program, 'say:up', 'wait'), ['stop-signal', given]],
      undefined,
    );
    const { wire } = await readLog(supervisor.port, secret);
    await wire.until(isLine('up'));
    supervisor.process.kill('SIGTERM');
    const seen = (await wire.until(isEvent('exit'))).map(text);
    expect(seen[0]).toBe(`s event=stopping signal=${signal}`);
    expect(seen[1]).toContain(`exit signal=${signal} `);
  });

  it('kills a process that ignores its stop signal once its time is over', async () => {
    const pairs: ConfigPair[] = [...command(program, 'ignore:15', 'say:up', 'wait'), ['stop-timeout', '300']];
    const supervisor = await supervisors.start(pairs, undefined);
    const { wire } = await readLog(supervisor.port, secret);
    await wire.until(isLine('up'));
    supervisor.process.kill('SIGTERM');
    supervisor.process.kill('SIGTERM');
    await wire.until(isEvent('stopping'));
    const asked = await admit(supervisor.port, secret);
    expect(asked.state).toBe('stopping');
    const exit = eventWords((await wire.until(isEvent('exit'))).at(-1));
    expect(exit.signal).toBe('SIGKILL');
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
  });

  it('leaves nothing running behind when it is stopped, not even what was orphaned', async () => {
    const supervisor = await supervisors.start(command(program, 'daemon', 'daemon', 'say:up', 'wait'), undefined);
    await (await readLog(supervisor.port, secret)).wire.until(isLine('up'));
    expect(await running(program)).toBe(3);
    supervisor.process.kill('SIGTERM');
    await supervisor.ended;
    expect(await running(program)).toBe(0);
  });

  it.each(['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'WINCH'])('forwards SIG%s', async (name) => {
    const script = `trap 'echo heard ${name}' ${name}; echo up; while :; do sleep 0.01; done`;
    const supervisor = await supervisors.start(shell(script), undefined);
    const { wire } = await readLog(supervisor.port, secret);
    await wire.until(isLine('up'));
    process.kill(supervisor.process.pid ?? 0, `SIG${name}`);
    await wire.until(isLine(`heard ${name}`));
  });

  it.each([[0], [300]])('says when the port is open, %d ms after the start', async (delay) => {
    const port = await freePort();
    const pairs = command(program, `sleep:${delay}`, `listen:${port}`, 'wait');
    const supervisor = await supervisors.start([...pairs, ['ready-port', `${port}`]], undefined);
    const { wire } = await readLog(supervisor.port, secret);
    const seen = await wire.until(isEvent('listening'));
    expect(text(seen.at(-1) ?? { kind: 'gap', from: 0, to: 0 })).toBe(`s event=listening port=${port}`);
    expect((await admit(supervisor.port, secret)).state).toBe('listening');
  });

  it.each<[string, string | undefined, RegExp]>([
    ['is missing', undefined, /it is not set/],
    ['is not base64', '%%%=', /it is not base64/],
    ['has no padding', 'YXJn', /it ends in the middle of a pair/],
    ['is cut', Buffer.from('arg\0/bin/true').toString('base64'), /in the middle of a pair/],
    ['is empty', '', /it names no command/],
    ['names no command', configValue([['env', 'A=1']]), /it names no command/],
    [
      'has a port that is none',
      configValue([...command('/bin/true'), ['port', '70000']]),
      /value of 'port' makes no sense/,
    ],
    ['has a signal that is none', configValue([...command('/bin/true'), ['stop-signal', 'SIGFOO']]), /'stop-signal'/],
    ['has a relative directory', configValue([...command('/bin/true'), ['cwd', 'app']]), /'cwd'/],
    ['has a variable without a value', configValue([...command('/bin/true'), ['env', 'A']]), /'env'/],
    ['has a strange restart', configValue([...command('/bin/true'), ['restart', 'maybe']]), /'restart'/],
  ])('ends with 78 and says so when the configuration %s', async (_, value, message) => {
    const supervisor = supervisors.startWith(value === undefined ? {} : { CONTAINR_CONFIG: value });
    expect(await supervisor.ended).toEqual({ code: 78, signal: null });
    expect(await supervisor.stderr).toMatch(message);
  });

  it('passes over keys of a newer controller', async () => {
    expect(await linesOf([['from-the-future', 'x'], ...shell('echo fine')])).toEqual(['o fine']);
  });

  it('keeps its configuration from the process', async () => {
    const encoded = configValue([['secret', secret]]).slice(0, 20);
    const lines = await linesOf([['env', 'TOKEN=hunter2'], ...command(program, `spy:${encoded}`, 'environment')]);
    expect(lines[0]).toMatch(/^o environ=(wiped|Permission denied)$/);
    expect(lines.join()).not.toContain('CONTAINR_CONFIG');
  });
});

/** How many processes of this machine execute that file. */
async function running(file: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const files = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/exe`).catch(() => '')));
  return files.filter((each) => each === file).length;
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  const listens = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.close();
  return listens;
}
