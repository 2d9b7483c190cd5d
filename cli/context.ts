import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliError } from './exit.ts';

/** Where a server is, and what shows it who we are. */
export interface Connection {
  url: string;
  token: string;
}

export interface ContextFile {
  current?: string;
  contexts: Record<string, Connection>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The context that is asked for by name, else the environment, else the current context. Usage error when there is none. */
export function resolveConnection(contextName: string | undefined, env: Environment = process.env): Connection {
  const { CONTAINR_URL: url = '', CONTAINR_TOKEN: token = '' } = env;
  if (contextName === undefined && url !== '') {
    if (token === '')
      throw new CliError('usage', 'CONTAINR_URL is set and CONTAINR_TOKEN is not. Set both, or use "containr login".');
    return { url: readUrl(url, 'CONTAINR_URL'), token };
  }
  const { current, contexts } = readContexts(env);
  const name = contextName ?? current;
  if (name === undefined) {
    throw new CliError(
      'usage',
      'No server is known. Use "containr login URL", or set CONTAINR_URL and CONTAINR_TOKEN.',
    );
  }
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (context) return context;
  const known = Object.keys(contexts).join(', ') || 'none';
  throw new CliError('notFound', `There is no context "${name}". Known: ${known}. "containr login" makes one.`);
}

/** The address of a server without a slash at its end. Usage error, naming where it stands, for anything else. */
export function readUrl(text: string, where: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '')
    throw new CliError('usage', `${where}: "${text}" is not an address such as https://containr.example.com.`);
  return url.href.replace(/\/+$/, '');
}

/** All contexts that are kept; none when there is no file. */
export function readContexts(env: Environment = process.env): ContextFile {
  const path = contextPath(env);
  if (!existsSync(path)) return { contexts: {} };
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isContextFile(parsed)) return parsed;
  } catch {
    // Said below, as for any other content that cannot be used.
  }
  throw new CliError('usage', `${path} cannot be read as contexts. Correct or remove it.`);
}

/** Keeps a context and makes it the current one. */
export function saveContext(name: string, connection: Connection, env: Environment = process.env): void {
  const { contexts } = readContexts(env);
  writeContexts({ current: name, contexts: { ...contexts, [name]: connection } }, env);
}

/** Replaces the file as a whole; it holds tokens, so nobody else can read it at any moment. */
export function writeContexts(file: ContextFile, env: Environment = process.env): void {
  const path = contextPath(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(`${path}.new`, path);
}

function contextPath({ CONTAINR_CONFIG_DIR: own, XDG_CONFIG_HOME: config = '' }: Environment): string {
  const folder = own ?? join(config === '' ? join(homedir(), '.config') : config, 'containr');
  return join(folder, 'contexts.json');
}

function isContextFile(value: unknown): value is ContextFile {
  if (typeof value !== 'object' || value === null || !('contexts' in value)) return false;
  const { contexts } = value;
  if ('current' in value && typeof value.current !== 'string') return false;
  return typeof contexts === 'object' && contexts !== null && Object.values(contexts).every(isConnection);
}

function isConnection(value: unknown): value is Connection {
  if (typeof value !== 'object' || value === null || !('url' in value) || !('token' in value)) return false;
  return typeof value.url === 'string' && typeof value.token === 'string';
}
