import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { command, configValue, sealedValue, shell, type ConfigPair, type Sealed } from './testing/config-value.ts';
import { asProcess1, findProcess1, makeGuestRoot } from './testing/guest-root.ts';
import { compileBinaries, freePort, secret, Supervisors } from './testing/supervisor.ts';
import { isEvent, readLog, text } from './testing/wire.ts';

const binaries = await compileBinaries();
const isRoot = process.getuid?.() === 0;
const key = randomBytes(32);
const uid = '6e0c0a54-7f7e-4c6b-9a53-0f6f5c1f4a11';

describe.skipIf(!binaries.available)('an encrypted configuration', () => {
  const supervisors = new Supervisors(binaries.init);
  const roots: string[] = [];
  afterEach(async () => {
    await supervisors.end();
    for (const root of roots.splice(0)) await rm(root, { recursive: true });
  });
  afterAll(() => rm(binaries.folder, { recursive: true }));

  /** The pairs with what every guest has. */
  async function guestPairs(...pairs: ConfigPair[]): Promise<{ port: number; pairs: ConfigPair[] }> {
    const port = await freePort();
    return {
      port,
      pairs: [['secret', secret], ['port', `${port}`], ['listen', '127.0.0.1'], ['restart', 'never'], ...pairs],
    };
  }

  async function keyFile(content: string): Promise<string> {
    const path = join(await supervisors.folder(), 'key');
    await writeFile(path, content, { mode: 0o400 });
    return path;
  }

  async function linesOf(port: number): Promise<string[]> {
    const { wire } = await readLog(port, secret);
    return (await wire.until(isEvent('finished'))).map(text).filter((line) => !line.startsWith('s '));
  }

  it.each([[0], [1], [31], [32], [33], [20_000]])('is opened, whatever its length: %d bytes more', async (length) => {
    const { port, pairs } = await guestPairs(...shell('printf %s "$VALUE" | wc -c'), [
      'env',
      `VALUE=${'ä'.repeat(length)}`,
    ]);
    const sealed = sealedValue(pairs, uid, key);
    supervisors.startWith({ CONTAINR_CONFIG: sealed.value, CONTAINR_KEY_FILE: await keyFile(sealed.keyFile) });
    expect(await linesOf(port)).toEqual([`o ${2 * length}`]);
  });

  it('leaves the key of this guest alone in place of that of the installation, with which it starts again', async () => {
    const { port, pairs } = await guestPairs(...shell('echo up'));
    const sealed = sealedValue(pairs, uid, key);
    const path = await keyFile(sealed.keyFile);
    for (const _ of ['first', 'again']) {
      const supervisor = supervisors.startWith({ CONTAINR_CONFIG: sealed.value, CONTAINR_KEY_FILE: path });
      expect(await linesOf(port)).toEqual(['o up']);
      expect(await readFile(path, 'utf8')).toBe(sealed.ownKeyFile);
      expect((await stat(path)).mode & 0o777).toBe(0o400);
      supervisor.process.kill('SIGTERM');
      await supervisor.ended;
    }
    expect(await readdir(join(path, '..'))).toEqual(['key']);
  });

  it.each<[string, (sealed: Sealed) => Partial<{ value: string; keyFile: string }>, RegExp]>([
    ['was changed in one bit', ({ value }) => ({ value: flipped(value, -5) }), /it was changed/],
    ['has a changed tag', ({ value }) => ({ value: flipped(value, uid.length + 4) }), /it was changed/],
    ['is for another installation', () => ({ keyFile: `${'a'.repeat(64)}\n` }), /with another key/],
    ['says that it is for another guest', ({ value }) => ({ value: value.replace('6e0c', '6e0d') }), /another guest/],
    [
      'is for another guest than the one that started first',
      ({ ownKeyFile }) => ({ value: sealedValue(command('/bin/true'), 'other', key).value, keyFile: ownKeyFile }),
      /another guest/,
    ],
    ['is cut', ({ value }) => ({ value: value.slice(0, -4) }), /it was changed/],
    ['is shorter than a tag', () => ({ value: `2.${uid}.QUJD` }), /cut off/],
    ['is no base64', () => ({ value: `2.${uid}.%%%=` }), /not base64/],
    ['names no guest', () => ({ value: '2.QUJD' }), /which guest/],
    ['names more than a guest', () => ({ value: `2.${'x'.repeat(65)}.QUJD` }), /which guest/],
    ['has a key that is cut', ({ keyFile: whole }) => ({ keyFile: whole.slice(1) }), /there is no key/],
    ['has a key that is none', () => ({ keyFile: `${'x'.repeat(64)}\n` }), /there is no key/],
  ])('is refused, with 78 and a word why, when it %s', async (_, change, message) => {
    const sealed = sealedValue((await guestPairs(...command('/bin/true'))).pairs, uid, key);
    const { value, keyFile: content } = { ...sealed, ...change(sealed) };
    const path = await keyFile(content);
    const supervisor = supervisors.startWith({ CONTAINR_CONFIG: value, CONTAINR_KEY_FILE: path });
    expect(await supervisor.ended).toEqual({ code: 78, signal: null });
    expect(await supervisor.stderr).toMatch(message);
    expect(await readFile(path, 'utf8')).toBe(content);
  });

  it('is refused where there is no key at all, and says so', async () => {
    const { value } = sealedValue(command('/bin/true'), uid, key);
    const supervisor = supervisors.startWith({ CONTAINR_CONFIG: value });
    expect(await supervisor.ended).toEqual({ code: 78, signal: null });
    expect(await supervisor.stderr).toMatch(/there is no key in \/\.containr\/key/);
  });

  it('need not be one: an older controller is understood, and the key stays for a newer one', async () => {
    const { port, pairs } = await guestPairs(...shell('echo plain'));
    const path = await keyFile(`${key.toString('hex')}\n`);
    supervisors.startWith({ CONTAINR_CONFIG: configValue(pairs), CONTAINR_KEY_FILE: path });
    expect(await linesOf(port)).toEqual(['o plain']);
  });

  it.skipIf(!isRoot)('is opened by process 1, and its program finds the key of its guest at most', async () => {
    const { port, pairs } = await guestPairs(['user', '1000'], ...command('/program', 'read:/.containr/key', 'spy:x'));
    const sealed = sealedValue(pairs, uid, key);
    const root = await makeGuestRoot(binaries, { '.containr/key': sealed.keyFile });
    roots.push(root);
    await chmod(join(root, '.containr/key'), 0o400);
    await mkdir(join(root, 'tmp'));
    const guests = new Supervisors(...asProcess1(root, { proc: true }));
    try {
      const guest = guests.startWith({ CONTAINR_CONFIG: sealed.value, CONTAINR_KEY_FILE: '/tmp/key' });
      expect(await linesOf(port)).toEqual(['o /.containr/key Permission denied', 'o environ=Permission denied']);
      expect(await readFile(join(root, '.containr/key'), 'utf8')).toBe(sealed.ownKeyFile);
      process.kill(await findProcess1(guest.process), 'SIGPWR');
      expect((await guest.ended).code).toBe(0);
    } finally {
      await guests.end();
    }
  });
});

/** Another character of base64 at a place. */
function flipped(value: string, at: number): string {
  const other = value.at(at) === 'A' ? 'B' : 'A';
  const place = at < 0 ? value.length + at : at;
  return `${value.slice(0, place)}${other}${value.slice(place + 1)}`;
}
