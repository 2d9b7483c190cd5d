import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { Fault } from '../../errors.ts';

const run = promisify(execFile);

/** Who PostgreSQL runs as, where that is not who we are. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** Ours first; the one of Debian's own PostgreSQL before a new one is made. */
const NAMES = ['containr-postgres', 'postgres'] as const;

/** PostgreSQL refuses to run as root, so root lends it an account; anybody else runs it as themselves (undefined). */
export async function postgresAccount(log: Pick<Logger, 'info'>): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of NAMES) {
    const account = await findAccount(name);
    if (account) return account;
  }
  const [name] = NAMES;
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name]);
    log.info(`Made the system account ${name}: PostgreSQL does not run as root.`);
  } catch (cause) {
    // Somebody else may have made it at the same moment.
    const account = await findAccount(name);
    if (account) return account;
    const hint = `Make one with "useradd --system ${name}", or run Containr as another user than root.`;
    throw new Fault('Denied', `PostgreSQL does not run as root, and an account for it could not be made. ${hint}`, {
      cause,
    });
  }
  const made = await findAccount(name);
  if (!made) throw new Fault('Denied', `The account ${name} was made but cannot be found. Look at /etc/nsswitch.conf.`);
  return made;
}

async function findAccount(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}
