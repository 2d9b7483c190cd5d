import { createHash, timingSafeEqual } from 'node:crypto';
import Docker from 'dockerode';
import { DockerFault } from './fault.ts';

/** How a Docker engine is reached. */
export interface DockerAccess {
  /** unix:///path, tcp://host:port or ssh://user@host */
  endpoint: string;
  /** For tcp; without it the connection is not encrypted. */
  tls?: { ca: string; cert: string; key: string } | undefined;
  /** For ssh: a private key as OpenSSH writes it. */
  sshKey?: string | undefined;
}

/** Makes a dockerode of which no setting comes from this process's environment. Nothing is connected yet. */
export function connectDocker({ endpoint, tls, sshKey }: DockerAccess): Docker {
  const url = URL.parse(endpoint);
  // Whatever is not named here dockerode would take from DOCKER_HOST and its like.
  const none = { host: undefined, port: undefined, socketPath: undefined, timeout: undefined, ca: undefined };
  switch (url?.protocol) {
    case 'unix:':
      return new Docker({ ...none, socketPath: url.pathname, protocol: 'http' });
    case 'tcp:': {
      const place = { ...none, host: url.hostname, port: url.port };
      return new Docker(tls ? { ...place, ...tls, protocol: 'https' } : { ...place, protocol: 'http' });
    }
    case 'ssh:':
      return new Docker({
        ...none,
        host: url.hostname,
        port: url.port || 22,
        username: decodeURIComponent(url.username),
        protocol: 'ssh',
        sshOptions: {
          ...(sshKey !== undefined && { privateKey: sshKey }),
          hostVerifier: rememberFirstKey(),
          readyTimeout: 20_000,
        },
      });
    default:
      throw new DockerFault(
        'invalid',
        `"${endpoint}" is no Docker endpoint. Use unix:///path, tcp://host:port or ssh://user@host.`,
      );
  }
}

/** The key that the host shows first is believed; another one later is somebody else. */
function rememberFirstKey(): (key: Buffer) => boolean {
  let known: Buffer | undefined;
  return (key) => {
    const shown = createHash('sha256').update(key).digest();
    known ??= shown;
    return timingSafeEqual(known, shown);
  };
}
