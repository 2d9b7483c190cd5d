import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Fault } from '../../errors.ts';
import type { Account } from './postgres-account.ts';
import type { Binaries } from './postgres-binaries.ts';

const run = promisify(execFile);
const MAJOR = '18';
/** The only role of the embedded database. */
export const SUPERUSER = 'containr';

/** What it takes to start PostgreSQL on a folder: how it calls the folder, and as whom it runs. */
export interface DataFolder {
  path: string;
  /** For `-D`. Under an account that may not enter the folders above, the one it stands in already. */
  argument: string;
  spawnOptions: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number };
}

/** The password of the database, made at the first start and kept beside it. There is no default. */
export async function databasePassword(dataDir: string): Promise<string> {
  const path = join(dataDir, 'password');
  const kept = await readFile(path, 'utf8').catch(() => '');
  if (kept !== '') return kept;
  if (await isThere(join(dataDir, 'data'))) {
    throw new Fault(
      'Invalid',
      `The password of the database is missing: ${path}. Put it back from a backup of the data folder.`,
    );
  }
  const password = randomBytes(24).toString('base64url');
  await writeDurably(path, password);
  return password;
}

/** The database files under `dataDir`: made when there are none, all or nothing. */
export async function dataFolder(
  dataDir: string,
  { binaries, account, password }: { binaries: Binaries; account: Account | undefined; password: string },
): Promise<DataFolder> {
  const folder = describe(join(dataDir, 'data'), account);
  if (!(await isThere(folder.path))) {
    // A name of its own, because an initdb of a killed process may still be busy with the draft before.
    const drafts = (await readdir(dataDir)).filter((name) => name.startsWith('draft-'));
    const draft = await mkdtemp(join(dataDir, 'draft-'));
    await initialise(draft, { binaries, account, password });
    await rename(join(draft, 'data'), folder.path);
    await sync(dataDir);
    for (const path of [draft, ...drafts.map((name) => join(dataDir, name))]) {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  const major = (await readFile(join(folder.path, 'PG_VERSION'), 'utf8')).trim();
  if (major !== MAJOR) {
    const hint =
      'Start the version of Containr that made it, dump the database there, and load the dump into a new folder.';
    throw new Fault(
      'Invalid',
      `${folder.path} is of PostgreSQL ${major}; this Containr brings PostgreSQL ${MAJOR}. ${hint}`,
    );
  }
  return folder;
}

function describe(path: string, account: Account | undefined): DataFolder {
  const env = { LC_ALL: 'C', TZ: 'UTC' };
  if (!account) return { path, argument: path, spawnOptions: { cwd: path, env } };
  const { uid, gid } = account;
  const argument = process.platform === 'linux' ? '/proc/self/cwd' : path;
  return { path, argument, spawnOptions: { cwd: path, env, uid, gid } };
}

async function initialise(
  draft: string,
  { binaries, account, password }: { binaries: Binaries; account: Account | undefined; password: string },
): Promise<void> {
  const folder = describe(join(draft, 'data'), account);
  const passwordFile = join(draft, 'password');
  await mkdir(folder.path, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account) {
    for (const path of [passwordFile, folder.path, draft]) await chown(path, account.uid, account.gid);
  }

  // Not joined as a path: ".." is to be followed from where initdb stands.
  const paths = [`--pgdata=${folder.argument}`, `--pwfile=${folder.argument}/../password`];
  const flags = [
    `--username=${SUPERUSER}`,
    '--auth=scram-sha-256',
    '--locale=C',
    '--encoding=UTF8',
    '--no-instructions',
  ];
  try {
    await run(binaries.initdb, [...paths, ...flags], folder.spawnOptions);
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause);
    throw new Fault('Unavailable', `PostgreSQL could not make its files in ${draft}: ${said}`, { cause });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await sync(dirname(path));
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
