import { randomUUID } from 'node:crypto';
import { createCaddyDocument, type CaddyState, type Render } from './caddy-document.ts';
import { edgeTable, readEdge, renderEdge, type EdgeTable } from './caddy-edge.ts';
import { HTTP_SERVER, ROUTER_SERVER } from './caddy-parts.ts';
import { renderRouter } from './caddy-router.ts';
import type { AdminApi } from './admin-api.ts';
import { checkSocket } from './check-route.ts';
import type { ProxyClient, ProxyReading, ProxyRoute } from './client.ts';
import { ProxyFault } from './fault.ts';
import { readCaddyRoutes } from './read-caddy.ts';

interface SplitCaddyOptions {
  /** The Caddy that users connect to. */
  edge: AdminApi;
  /** The Caddy behind it. */
  router: AdminApi;
  /** Where the router takes requests. */
  socket: string;
  /** Called before each change; throws when this process may not make it. */
  guard?: (() => void) | undefined;
  newMark?: (() => string) | undefined;
}

interface Standing extends ProxyReading {
  edge: CaddyState;
  router: CaddyState;
}

/**
 * Two Caddys: an edge, which changes only when host names or certificates do, and a router behind it, which is told of each
 * guest and loses no connection over it. A route counts as there when it is in force in both.
 */
export function createSplitCaddyClient({ socket, guard, newMark, ...admin }: SplitCaddyOptions): ProxyClient {
  const edge = createCaddyDocument({
    admin: admin.edge,
    title: 'The Caddy at spec.endpoint',
    server: HTTP_SERVER,
    guard,
    newMark,
  });
  const router = createCaddyDocument({
    admin: admin.router,
    title: 'The Caddy at spec.router.endpoint',
    server: ROUTER_SERVER,
    guard,
    newMark,
  });
  let standing: Standing | undefined;

  function stand(states: Pick<Standing, 'edge' | 'router'>): Standing {
    standing = { revision: randomUUID(), routes: routesInForce(states, socket), ...states };
    return standing;
  }

  /** What a change is made over: only what was read last. */
  function readAs(revision: string): Standing {
    if (standing?.revision === revision) return standing;
    throw new ProxyFault('changed', 'The configuration of Caddy was read again in the meantime.');
  }

  return {
    // The router is what a change of a route starts anew.
    features: (signal) => router.features(signal),

    async stands(signal) {
      if (!standing) return false;
      const both = await Promise.all([edge.stands(standing.edge, signal), router.stands(standing.router, signal)]);
      return both.every(Boolean);
    },

    async read(signal) {
      const [ofEdge, ofRouter] = await Promise.all([edge.read(signal), router.read(signal)]);
      return stand({ edge: ofEdge, router: ofRouter });
    },

    async write(table, revision, signal) {
      checkSocket(socket);
      const before = readAs(revision);
      const [ofEdge, ofRouter] = await Promise.all([edge.features(signal), router.features(signal)]);
      const edgeOf =
        (hosts: EdgeTable): Render =>
        (given) =>
          renderEdge(hosts, socket, { ...given, features: ofEdge });
      const routerOf: Render = (given) => renderRouter(table, socket, { ...given, features: ofRouter });
      const wanted = edgeTable(table.settings, table.routes.values());
      // What stands is known again only when all of it went in.
      standing = undefined;
      // A host that goes leaves the edge before the router, one that comes is known to the router first: whatever is cut off
      // in between, the edge passes on nothing that the router does not know.
      const staying = hostsStaying(before.edge, wanted, socket);
      const edgeBetween = staying ? await edge.put(before.edge, edgeOf(staying), signal) : before.edge;
      const routerAfter = await router.put(before.router, routerOf, signal);
      const edgeAfter = await edge.put(edgeBetween, edgeOf(wanted), signal);
      if (edgeAfter !== before.edge || routerAfter !== before.router)
        return stand({ edge: edgeAfter, router: routerAfter });
      standing = before;
      return before;
    },

    async clear(revision, signal) {
      const before = readAs(revision);
      await edge.clear(before.edge, signal);
      await router.clear(before.router, signal);
    },

    async close() {
      await Promise.all([edge.close(), router.close()]);
    },
  };
}

/** What is wanted of the edge without what is new, where something goes; undefined where nothing does. Pure. */
function hostsStaying({ apps }: CaddyState, wanted: EdgeTable, socket: string): EdgeTable | undefined {
  const carried = readEdge(apps, socket);
  if (!carried || [...carried.keys()].every((host) => wanted.secure.has(host))) return undefined;
  return { ...wanted, secure: new Map([...wanted.secure].filter(([host]) => carried.has(host))) };
}

/** The router's routes with those hosts that the edge lets through; the edge's own while it still does it all. Pure. */
function routesInForce({ edge, router }: Pick<Standing, 'edge' | 'router'>, socket: string): Map<string, ProxyRoute> {
  const carried = readEdge(edge.apps, socket);
  if (!carried) return readCaddyRoutes(edge.apps);
  const routes = [...readCaddyRoutes(router.apps).values()].map((route) => ({
    ...route,
    hosts: route.hosts.filter(({ host, tls }) => (carried.get(host) ?? 'off') === tls),
  }));
  return new Map(routes.filter(({ hosts }) => hosts.length > 0).map((route) => [route.id, route]));
}
