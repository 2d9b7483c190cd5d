import { z } from 'zod';
import type { RegistryCredentials, RegistryLogins } from './client.ts';
import { DOCKER_HUB } from './image-reference.ts';

const DockerConfig = z.object({
  auths: z.record(
    z.string(),
    z.object({ auth: z.string().optional(), username: z.string().optional(), password: z.string().optional() }),
  ),
});

/** Under which an engine and its tools look for the credentials of Docker Hub. */
const HUB_KEY = 'https://index.docker.io/v1/';

/** Reads what `docker login` and Kubernetes keep credentials in; undefined when it is none. */
export function readDockerConfig(text: string): RegistryLogins | undefined {
  const config = DockerConfig.safeParse(parseJson(text));
  if (!config.success) return undefined;
  const logins = Object.entries(config.data.auths).flatMap(([key, { auth, username, password }]) => {
    const login = username !== undefined && password !== undefined ? { username, password } : readAuth(auth ?? '');
    return login ? [[hostOf(key), login] as const] : [];
  });
  return Object.fromEntries(logins);
}

/** As the header of a build takes it, and `auths` of a config file. */
export function registryConfig(logins: RegistryLogins): Record<string, RegistryCredentials> {
  return Object.fromEntries(
    Object.entries(logins).map(([host, login]) => [host === DOCKER_HUB ? HUB_KEY : host, login]),
  );
}

/** The text of a config file that the docker program finds credentials in. */
export function dockerConfigFile(logins: RegistryLogins): string {
  const auths = Object.entries(registryConfig(logins)).map(([host, { username, password }]) => [
    host,
    { auth: Buffer.from(`${username}:${password}`).toString('base64') },
  ]);
  return JSON.stringify({ auths: Object.fromEntries(auths) });
}

/** The keys are hosts, or URLs of them from a time when registries had versions. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').split('/')[0] ?? key;
  return /^(index\.|registry-1\.)?docker\.io$/.test(host) ? DOCKER_HUB : host;
}

function readAuth(auth: string): RegistryCredentials | undefined {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon > 0 ? { username: text.slice(0, colon), password: text.slice(colon + 1) } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
