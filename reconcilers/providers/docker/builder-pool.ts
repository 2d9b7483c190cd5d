import { isDeepStrictEqual } from 'node:util';
import type { DockerClient } from './client.ts';

/** How a Docker engine is reached. */
export interface BuilderAccess {
  endpoint: string;
  tls?: { ca: string; cert: string; key: string } | undefined;
  sshKey?: string | undefined;
  /** What is pulled, as "linux/amd64". */
  platform: string;
}

/** The engines that are connected, by the name of their Builder. */
export interface BuilderPool {
  ensure(name: string, access: BuilderAccess): DockerClient;
  get(name: string): DockerClient | undefined;
  drop(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Keeps one client per builder; a changed access replaces the one before. */
export function createBuilderPool(connect: (access: BuilderAccess) => DockerClient): BuilderPool {
  const standing = new Map<string, { access: BuilderAccess; client: DockerClient }>();

  async function drop(name: string): Promise<void> {
    const entry = standing.get(name);
    standing.delete(name);
    await entry?.client.close();
  }

  return {
    ensure(name, access) {
      const entry = standing.get(name);
      if (entry && isDeepStrictEqual(entry.access, access)) return entry.client;
      if (entry) void drop(name);
      const client = connect(access);
      standing.set(name, { access, client });
      return client;
    },
    get: (name) => standing.get(name)?.client,
    drop,
    async close() {
      await Promise.all([...standing.keys()].map(drop));
    },
  };
}
