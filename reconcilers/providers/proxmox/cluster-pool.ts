import { isDeepStrictEqual } from 'node:util';
import type { ClusterObserver } from './cluster-observer.ts';
import type { ProxmoxClient } from './client.ts';

/** One cluster as loops use it: calls, and the shared look at the whole. */
export interface ClusterConnection {
  client: ProxmoxClient;
  observer: ClusterObserver;
}

/** How a cluster is reached. */
export interface ClusterAccess {
  endpoints: readonly string[];
  tokenId: string;
  tokenSecret: string;
  tls: { fingerprint?: string | undefined; ca?: string | undefined; insecureSkipVerify?: boolean | undefined };
  perNode: number;
}

/** The connections that stand, by the name of their cluster. */
export interface ClusterPool {
  /** The connection for `access`; a changed access replaces the one before. */
  ensure(name: string, access: ClusterAccess): ClusterConnection;
  get(name: string): ClusterConnection | undefined;
  drop(name: string): Promise<void>;
  /** Calls back when guests of a cluster changed, as the observer saw it. */
  onChange(listener: (cluster: string, vmids: readonly number[]) => void): () => void;
  close(): Promise<void>;
}

/** Keeps one connection per cluster; `connect` makes it and reports changes through its second argument. */
export function createClusterPool(
  connect: (access: ClusterAccess, changed: (vmids: readonly number[]) => void) => ClusterConnection,
): ClusterPool {
  const standing = new Map<string, { access: ClusterAccess; connection: ClusterConnection }>();
  const listeners = new Set<(cluster: string, vmids: readonly number[]) => void>();

  async function drop(name: string): Promise<void> {
    const entry = standing.get(name);
    if (!entry) return;
    standing.delete(name);
    entry.connection.observer.stop();
    await entry.connection.client.close();
  }

  return {
    ensure(name, access) {
      const entry = standing.get(name);
      if (entry && isDeepStrictEqual(entry.access, access)) return entry.connection;
      if (entry) void drop(name);
      const connection = connect(access, (vmids) => {
        for (const listener of listeners) listener(name, vmids);
      });
      standing.set(name, { access, connection });
      return connection;
    },
    get: (name) => standing.get(name)?.connection,
    drop,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      await Promise.all([...standing.keys()].map(drop));
    },
  };
}
