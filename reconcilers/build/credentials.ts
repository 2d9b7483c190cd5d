import { Fault } from '../../controller/errors.ts';
import type { RegistryCredentials, RegistryLogins } from '../providers/docker/client.ts';
import { registryOf } from '../providers/docker/image-reference.ts';
import { readDockerConfig } from '../providers/docker/registry-logins.ts';
import type { GitCredentials } from '../providers/git/client.ts';
import { gitCredentialsOf } from '../shared/git-credentials.ts';

/** The values of the Secret that a source names; empty when it names none. */
export type SourceSecret = Readonly<Record<string, string>>;

/** The key that Kubernetes keeps logins of registries under. */
const DOCKER_CONFIG_KEY = '.dockerconfigjson';

/** How to show a repository who we are, by the keys that the Secret has. */
export function gitCredentials(secret: SourceSecret): GitCredentials | undefined {
  const credentials = gitCredentialsOf(secret);
  if (credentials) return credentials;
  if (Object.keys(secret).length === 0 || secret[DOCKER_CONFIG_KEY] !== undefined) return undefined;
  throw new Fault('Invalid', 'The Secret in spec.source.secretRef has none of the keys token, password or sshKey.');
}

/** How to show the registry of an image who we are: a login for its host, else the one login that the Secret has. */
export function registryCredentials(secret: SourceSecret, image: string): RegistryCredentials | undefined {
  const login = registryLogins(secret)[registryOf(image)];
  if (login) return login;
  const { username, password, token } = secret;
  const value = password ?? token;
  return value === undefined ? undefined : { username: username ?? 'token', password: value };
}

/**
 * Logins for the images that a Dockerfile begins with. User name and password alone are those of the repository, which no
 * registry is shown. Throws Invalid for what is no such file.
 */
export function registryLogins(secret: SourceSecret): RegistryLogins {
  const text = secret[DOCKER_CONFIG_KEY];
  if (text === undefined) return {};
  const logins = readDockerConfig(text);
  if (logins) return logins;
  throw new Fault(
    'Invalid',
    `The key ${DOCKER_CONFIG_KEY} of the Secret in spec.source.secretRef is not what docker login writes. Correct it.`,
  );
}
