import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { TokenStore } from './token-store.ts';

/**
 * At the first start there is nobody: one administrator is made, and the token goes to a file that only its owner reads. There
 * is no default secret anywhere.
 */
export async function ensureAdministrator(tokens: TokenStore, file: string, log: Pick<Logger, 'info'>): Promise<void> {
  if ((await tokens.list()).length > 0) return;
  const { token } = await tokens.create({ name: 'first administrator', user: 'admin', admin: true, scope: 'admin' });
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  log.info({ file }, 'made the first administrator; the token is in the file');
}
