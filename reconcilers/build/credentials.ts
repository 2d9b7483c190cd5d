import { Fault } from '../../controller/errors.ts';
import type { RegistryCredentials } from '../providers/docker/client.ts';
import type { GitCredentials } from '../providers/git/client.ts';

/** The values of the Secret that a source names; empty when it names none. */
export type SourceSecret = Readonly<Record<string, string>>;

/** How to show a repository who we are, by the keys that the Secret has. */
export function gitCredentials(secret: SourceSecret): GitCredentials | undefined {
  const { sshKey, knownHosts, token, username, password } = secret;
  if (sshKey !== undefined) return { kind: 'sshKey', key: sshKey, ...(knownHosts !== undefined && { knownHosts }) };
  if (token !== undefined) return { kind: 'token', token };
  if (password !== undefined) return { kind: 'basic', username: username ?? 'git', password };
  if (Object.keys(secret).length === 0) return undefined;
  throw new Fault('Invalid', 'The Secret in spec.source.secretRef has none of the keys token, password or sshKey.');
}

export function registryCredentials({ username, password, token }: SourceSecret): RegistryCredentials | undefined {
  const secret = password ?? token;
  return secret === undefined ? undefined : { username: username ?? 'token', password: secret };
}
