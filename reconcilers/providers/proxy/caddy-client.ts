import { randomUUID } from 'node:crypto';
import { renderCaddy } from './caddy-config.ts';
import { createCaddyDocument, type CaddyDocumentOptions, type CaddyState } from './caddy-document.ts';
import { HTTP_SERVER } from './caddy-parts.ts';
import type { ProxyClient, ProxyReading } from './client.ts';
import { ProxyFault } from './fault.ts';
import { readCaddyRoutes } from './read-caddy.ts';

interface Standing extends ProxyReading {
  state: CaddyState;
}

/**
 * One Caddy that does it all, through its admin API. Two servers and two rules for certificates in it are ours; a shutdown
 * delay is set where there is none.
 */
export function createCaddyClient(options: Omit<CaddyDocumentOptions, 'server'>): ProxyClient {
  const caddy = createCaddyDocument({ ...options, server: HTTP_SERVER });
  let standing: Standing | undefined;

  function stand(state: CaddyState): Standing {
    standing = { revision: randomUUID(), routes: readCaddyRoutes(state.apps), state };
    return standing;
  }

  /** What a change is made over: only what was read last. */
  function readAs(revision: string): Standing {
    if (standing?.revision === revision) return standing;
    throw new ProxyFault('changed', 'The configuration of Caddy was read again in the meantime.');
  }

  return {
    features: (signal) => caddy.features(signal),
    stands: async (signal) => standing !== undefined && caddy.stands(standing.state, signal),
    read: async (signal) => stand(await caddy.read(signal)),

    async write(table, revision, signal) {
      const before = readAs(revision);
      const features = await caddy.features(signal);
      const after = await caddy.put(before.state, (given) => renderCaddy(table, { ...given, features }), signal);
      return after === before.state ? before : stand(after);
    },

    clear: (revision, signal) => caddy.clear(readAs(revision).state, signal),
    close: () => caddy.close(),
  };
}
