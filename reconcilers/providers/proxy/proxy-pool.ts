import { isDeepStrictEqual } from 'node:util';
import type { RouteTable } from './route-table.ts';

/** Where a proxy is driven from. */
export interface ProxyAddress {
  /** Of the Caddy that users connect to. */
  endpoint: string;
  /** Of a second Caddy behind it, and where that one takes requests. */
  router?: { endpoint: string; socket: string } | undefined;
}

/** The tables of the proxies that are driven, by the name of their Proxy. */
export interface ProxyPool {
  /** The table for the proxy at this address; another address replaces the one before. */
  ensure(name: string, address: ProxyAddress): RouteTable;
  get(name: string): RouteTable | undefined;
  drop(name: string): Promise<void>;
  /** Calls back with ids of routes whose answer came late. */
  onLateAnswer(listener: (ids: readonly string[]) => void): () => void;
  close(): Promise<void>;
}

/** Keeps one table per proxy; `connect` makes it and reports late answers through its second argument. */
export function createProxyPool(
  connect: (address: ProxyAddress, onLateAnswer: (ids: readonly string[]) => void) => RouteTable,
): ProxyPool {
  const standing = new Map<string, { address: ProxyAddress; table: RouteTable }>();
  const listeners = new Set<(ids: readonly string[]) => void>();

  async function drop(name: string): Promise<void> {
    const entry = standing.get(name);
    standing.delete(name);
    await entry?.table.close();
  }

  return {
    ensure(name, address) {
      const entry = standing.get(name);
      if (entry && isDeepStrictEqual(entry.address, address)) return entry.table;
      if (entry) void drop(name);
      const table = connect(address, (ids) => {
        for (const listener of listeners) listener(ids);
      });
      standing.set(name, { address, table });
      return table;
    },
    get: (name) => standing.get(name)?.table,
    drop,
    onLateAnswer(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      await Promise.all([...standing.keys()].map(drop));
    },
  };
}
