import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitCredentials } from './client.ts';
import type { LocalRepository } from './local-repository.ts';

/** What one operation may reach. */
export type OperationScope =
  | { kind: 'http'; origin: string; credentials: GitCredentials | undefined }
  | { kind: 'ssh'; credentials: GitCredentials | undefined }
  | { kind: 'local'; repository: LocalRepository };

/** A private folder and environment in which Git knows nothing of this machine's user and settings. */
export interface GitOperation {
  folder: string;
  /** An empty repository to fetch into. */
  gitDir: string;
  env: Record<string, string>;
  /** Removes the folder with everything in it. */
  end(): Promise<void>;
}

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Answers Git's two questions, and only about the host that the credentials are for: after a redirect Git would hand
 * them to the other host.
 */
const askpass = `#!/bin/sh
case "$1" in
  "Username for '$CONTAINR_GIT_ORIGIN': ") printf '%s\\n' "$CONTAINR_GIT_USERNAME" ;;
  "Password for '\${CONTAINR_GIT_ORIGIN%%://*}://"*"@\${CONTAINR_GIT_ORIGIN#*://}': ") printf '%s\\n' "$CONTAINR_GIT_PASSWORD" ;;
  *) exit 1 ;;
esac
`;

const gitConfig = `[core]
	hooksPath = /dev/null
	attributesFile = /dev/null
	excludesFile = /dev/null
	fsmonitor = false
	autocrlf = false
	symlinks = true
[protocol]
	version = 2
[credential]
	helper =
[submodule]
	recurse = false
[fetch]
	recurseSubmodules = false
	writeCommitGraph = false
[http]
	followRedirects = initial
	lowSpeedLimit = 100
	lowSpeedTime = 60
[gc]
	auto = 0
[maintenance]
	auto = false
[advice]
	detachedHead = false
[init]
	defaultBranch = main
`;

/** Lays out the folder in `workDir`. The caller ends it, whatever happens. */
export async function beginOperation(workDir: string, scope: OperationScope): Promise<GitOperation> {
  const folder = await mkdtemp(join(workDir, operationPrefix));
  const end = () => rm(folder, { recursive: true, force: true });
  try {
    const home = join(folder, 'home');
    await mkdir(home);
    const config = join(folder, 'config');
    await writeFile(config, gitConfig + safeFolders(scope), { mode: 0o600 });
    const env = {
      PATH: systemPath,
      HOME: home,
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: config,
      GIT_ATTR_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_LFS_SKIP_SMUDGE: '1',
      GIT_OPTIONAL_LOCKS: '0',
      ...(await reach(folder, workDir, scope)),
    };
    return { folder, gitDir: join(folder, 'repository'), env, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** What the folders of operations begin with, so that those of a killed process can be told from the rest. */
export const operationPrefix = 'operation-';

async function reach(folder: string, workDir: string, scope: OperationScope): Promise<Record<string, string>> {
  switch (scope.kind) {
    case 'local':
      return { GIT_ALLOW_PROTOCOL: 'file' };
    case 'http':
      return { GIT_ALLOW_PROTOCOL: 'http:https', ...(await passwords(folder, scope.origin, scope.credentials)) };
    case 'ssh':
      return { GIT_ALLOW_PROTOCOL: 'ssh', ...(await sshSettings(folder, workDir, scope.credentials)) };
    default:
      return scope satisfies never;
  }
}

/** Through the environment, which only this user and root can read; an argument could be read by everybody. */
async function passwords(
  folder: string,
  origin: string,
  credentials: GitCredentials | undefined,
): Promise<Record<string, string>> {
  if (!credentials || credentials.kind === 'sshKey') return {};
  const program = join(folder, 'askpass');
  await writeFile(program, askpass, { mode: 0o700 });
  const isToken = credentials.kind === 'token';
  return {
    GIT_ASKPASS: program,
    CONTAINR_GIT_ORIGIN: origin,
    // The forges take any user name with a token; this is the one they document.
    CONTAINR_GIT_USERNAME: isToken ? 'x-access-token' : credentials.username,
    CONTAINR_GIT_PASSWORD: isToken ? credentials.token : credentials.password,
  };
}

async function sshSettings(
  folder: string,
  workDir: string,
  credentials: GitCredentials | undefined,
): Promise<Record<string, string>> {
  const key = credentials?.kind === 'sshKey' ? credentials : undefined;
  const keyFile = join(folder, 'key');
  // OpenSSH refuses a key without its last newline.
  if (key) await writeFile(keyFile, key.key.endsWith('\n') ? key.key : `${key.key}\n`, { mode: 0o600 });
  const ownHosts = join(folder, 'known_hosts');
  if (key?.knownHosts !== undefined) await writeFile(ownHosts, `${key.knownHosts}\n`, { mode: 0o600 });
  const hosts = key?.knownHosts === undefined ? join(workDir, 'known_hosts') : ownHosts;
  const settings = [
    'Host *',
    key ? `IdentityFile "${keyFile}"` : 'IdentityFile none',
    'IdentitiesOnly yes',
    'IdentityAgent none',
    'BatchMode yes',
    `UserKnownHostsFile "${hosts}"`,
    'GlobalKnownHostsFile /dev/null',
    `StrictHostKeyChecking ${key?.knownHosts === undefined ? 'accept-new' : 'yes'}`,
    'ClearAllForwardings yes',
    'PermitLocalCommand no',
    'ConnectTimeout 20',
    'ServerAliveInterval 20',
  ];
  await writeFile(join(folder, 'ssh_config'), `${settings.join('\n')}\n`, { mode: 0o600 });
  return {
    GIT_SSH_VARIANT: 'ssh',
    GIT_SSH_COMMAND: 'ssh -F "$CONTAINR_SSH_CONFIG"',
    CONTAINR_SSH_CONFIG: join(folder, 'ssh_config'),
  };
}

/** Git reads no repository of another user's unless told so, and takes that word only from a file. */
function safeFolders(scope: OperationScope): string {
  if (scope.kind !== 'local') return '';
  const { path, gitFolders } = scope.repository;
  const lines = [path, ...gitFolders].map((folder) => `\tdirectory = "${folder.replaceAll(/["\\]/g, '\\$&')}"\n`);
  return `[safe]\n${lines.join('')}`;
}
