import { hkdfSync, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { Fault } from '../errors.ts';

/** One key that values are encrypted with. */
export interface SealingKey {
  id: string;
  key: Buffer;
}

/** The keys of an installation. Whoever has them and the database can read every Secret. */
export interface Keyring {
  /** Oldest first; the last one encrypts, all of them decrypt. Never empty. */
  readonly keys: readonly SealingKey[];
  /** True when there was no file, so that these keys are new: values that were stored before cannot be read with them. */
  readonly created: boolean;
  /** 32 bytes for one purpose, the same at every start and of no use for another purpose. */
  derive(purpose: string): Buffer;
}

const FILE = 'keys.json';

const Bytes32 = z.base64().length(44);
/** What stands in `keys.json`: all that is needed to read Secrets and to know one's own guests. */
export const KeyFile = z.object({
  version: z.literal(1),
  /** What everything but the encryption is derived from; it stays when keys are added. */
  root: Bytes32,
  keys: z.array(z.object({ id: z.string().regex(/^[0-9a-f]{8}$/), createdAt: z.string(), key: Bytes32 })).min(1),
});
export type KeyFile = z.output<typeof KeyFile>;

/**
 * Reads `keys.json` in the data folder, and makes it when there is none. Of several processes that start at once, all get the
 * keys of the one that came first. Throws Denied for a file that others may read, Invalid for one that is damaged.
 */
export async function openKeyring(dataDir: string, now = new Date()): Promise<Keyring> {
  const path = join(dataDir, FILE);
  const stored = await readKeyFile(path);
  if (stored) return keyringOf(stored, false);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const made: KeyFile = { version: 1, root: random32(), keys: [newKey(now)] };
  const draft = await writeDraft(path, made);
  try {
    await link(draft, path);
  } catch (error) {
    const first = await readKeyFile(path);
    if (!first) throw new Fault('Unavailable', `The keys could not be written to ${path}.`, { cause: error });
    return keyringOf(first, false);
  } finally {
    await unlink(draft);
  }
  await syncFolder(dataDir);
  return keyringOf(made, true);
}

/** Adds a key that encrypts from now on; values under older keys stay readable. */
export async function addKey(dataDir: string, now = new Date()): Promise<Keyring> {
  const path = join(dataDir, FILE);
  const stored = await readKeyFile(path);
  if (!stored) throw new Fault('NotFound', `There is no ${path} to add a key to. Start Containr once to make it.`);
  const extended: KeyFile = { ...stored, keys: [...stored.keys, newKey(now)] };
  await rename(await writeDraft(path, extended), path);
  await syncFolder(dataDir);
  return keyringOf(extended, false);
}

/** The keys as they are kept. NotFound when there are none yet. */
export async function readKeys(dataDir: string): Promise<KeyFile> {
  const path = join(dataDir, FILE);
  const stored = await readKeyFile(path);
  if (!stored) throw new Fault('NotFound', `There is no ${path}: nothing was ever kept in this folder.`);
  return stored;
}

/**
 * Makes these the keys of a folder. Others that are there are kept beside them under another name. The answer puts things back
 * as they were.
 */
export async function putKeys(dataDir: string, keys: KeyFile, now = new Date()): Promise<() => Promise<void>> {
  const path = join(dataDir, FILE);
  const before = await readKeyFile(path);
  if (before && isDeepStrictEqual(before, keys)) return async () => undefined;
  const aside = `${path}.before-import-${now.toISOString().replaceAll(/[^0-9T]/g, '')}`;
  if (before) await link(path, aside);
  await rename(await writeDraft(path, keys), path);
  await syncFolder(dataDir);
  return async () => (before ? rename(aside, path) : unlink(path));
}

/** What names the installation on its guests, from its keys. */
export function installationOf(keyring: Pick<Keyring, 'derive'>): string {
  return keyring.derive('installation').toString('hex').slice(0, 8);
}

/** The keyring that a file makes. */
export function keyringFrom(keys: KeyFile): Keyring {
  return keyringOf(keys, false);
}

function keyringOf({ root, keys }: KeyFile, created: boolean): Keyring {
  const rootKey = Buffer.from(root, 'base64');
  return {
    keys: keys.map(({ id, key }) => ({ id, key: Buffer.from(key, 'base64') })),
    created,
    derive: (purpose) => Buffer.from(hkdfSync('sha256', rootKey, '', `containr/${purpose}`, 32)),
  };
}

function newKey(now: Date): KeyFile['keys'][number] {
  return { id: randomBytes(4).toString('hex'), createdAt: now.toISOString(), key: random32() };
}

function random32(): string {
  return randomBytes(32).toString('base64');
}

async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return undefined;
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8);
    throw new Fault(
      'Denied',
      `${path} has mode ${mode}: others may read the keys of all Secrets. Run: chmod 600 ${path}`,
    );
  }
  const parsed = KeyFile.safeParse(jsonOf(await readFile(path, 'utf8')));
  if (parsed.success) return parsed.data;
  // What is in it must not be quoted.
  throw new Fault('Invalid', `${path} is damaged. Restore it from a backup; without it no Secret can be read.`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function writeDraft(path: string, content: KeyFile): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return draft;
}

/** So that the name survives a power cut too, not only the content. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
