import { ROUTER_SERVER, server, unknownHost, type CaddyParts, type Json, type RenderOptions } from './caddy-parts.ts';
import type { ProxyTable } from './client.ts';
import { hostRoutes } from './host-routes.ts';

/**
 * The table as the JSON of the Caddy behind an edge. It takes requests at a socket, which Caddy hands on from one
 * configuration to the next as it is, so that no connection is lost between the two. Pure.
 */
export function renderRouter({ routes }: ProxyTable, socket: string, options: RenderOptions): CaddyParts {
  const list = [...routes.values()];
  const named = { ...options, isBehindEdge: true };
  return {
    servers: {
      [ROUTER_SERVER]: {
        ...server(`unix/${socket}`, ROUTER_SERVER, options),
        automatic_https: { disable: true },
        routes: [anonymous, ...hostRoutes(list, ['off', 'auto', 'internal'], named), unknownHost],
      },
    },
    policies: [],
    isPublic: false,
  };
}

/** The edge says already that Caddy answers. */
const anonymous: Json = { handle: [{ handler: 'headers', response: { delete: ['Server'] } }] };
