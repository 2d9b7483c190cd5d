import type { GitCredentials } from '../providers/git/client.ts';

/** How to show a repository who we are, by the keys that a Secret has; undefined when it has none of them. */
export function gitCredentialsOf({
  sshKey,
  knownHosts,
  token,
  username,
  password,
}: Readonly<Record<string, string>>): GitCredentials | undefined {
  if (sshKey !== undefined) return { kind: 'sshKey', key: sshKey, ...(knownHosts !== undefined && { knownHosts }) };
  if (token !== undefined) return { kind: 'token', token };
  return password === undefined ? undefined : { kind: 'basic', username: username ?? 'git', password };
}
