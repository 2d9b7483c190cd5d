import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CliError } from './exit.ts';

/** Where a server is, and what shows it who we are. */
export interface Connection {
  url: string;
  token: string;
}

interface ContextFile {
  current?: string;
  contexts: Record<string, Connection>;
}

/** The environment first, then the context that was asked for or is current. */
export function resolveConnection(contextName: string | undefined): Connection {
  const { CONTAINR_URL: url, CONTAINR_TOKEN: token } = process.env;
  if (contextName === undefined && url !== undefined && url !== '') {
    if (token === undefined || token === '') {
      throw new CliError('usage', 'CONTAINR_URL is set and CONTAINR_TOKEN is not. Set both, or use "containr login".');
    }
    return { url: url.replace(/\/+$/, ''), token };
  }
  const file = readContexts();
  const name = contextName ?? file.current;
  if (name === undefined) {
    throw new CliError(
      'usage',
      'No server is known. Use "containr login URL", or set CONTAINR_URL and CONTAINR_TOKEN.',
    );
  }
  const context = file.contexts[name];
  if (!context)
    throw new CliError(
      'notFound',
      `There is no context "${name}". Known: ${Object.keys(file.contexts).join(', ') || 'none'}.`,
    );
  return context;
}

export function readContexts(): ContextFile {
  const path = contextPath();
  if (!existsSync(path)) return { contexts: {} };
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isContextFile(parsed)) return parsed;
  } catch {
    // Said below, as for any other content that cannot be used.
  }
  throw new CliError('usage', `${path} cannot be read as contexts. Correct or remove it.`);
}

/** Keeps a context and makes it the current one; readable by nobody else. */
export function saveContext(name: string, connection: Connection): void {
  const file = readContexts();
  writeContexts({ current: name, contexts: { ...file.contexts, [name]: connection } });
}

export function writeContexts(file: ContextFile): void {
  const path = contextPath();
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function contextPath(): string {
  const folder =
    process.env['CONTAINR_CONFIG_DIR'] ??
    join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'containr');
  return join(folder, 'contexts.json');
}

function isContextFile(value: unknown): value is ContextFile {
  if (typeof value !== 'object' || value === null || !('contexts' in value)) return false;
  const { contexts } = value;
  return typeof contexts === 'object' && contexts !== null && Object.values(contexts).every(isConnection);
}

function isConnection(value: unknown): value is Connection {
  return (
    typeof value === 'object' && value !== null && 'url' in value && 'token' in value && typeof value.url === 'string'
  );
}
