import { Hono, type MiddlewareHandler } from 'hono';
import { Proxy } from '../crds/proxy.ts';
import { Route } from '../crds/route.ts';
import type { ResourceStore } from '../controller/store/store.ts';
import type { ApiEnv } from './context.ts';
import { respond } from './respond.ts';
import { Refused } from './status.ts';
import { traefikConfig } from './traefik-config.ts';

interface TraefikOptions {
  store: Pick<ResourceStore, 'list'>;
  authenticated: MiddlewareHandler<ApiEnv>;
}

/** Serves `/traefik/config` to Traefik's HTTP provider: routes of all projects, so to an administrator's token, of any scope. */
export function traefikRoutes({ store, authenticated }: TraefikOptions): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  routes.get('/traefik/config', authenticated, async (context) => {
    if (!context.get('identity').admin)
      throw new Refused(
        'Forbidden',
        'The routes of all projects are for administrators. Give Traefik a read token of one.',
      );
    const [{ items: list }, { items: proxies }] = await Promise.all([store.list(Route), store.list(Proxy)]);
    return respond(context, traefikConfig(list, proxies));
  });
  return routes;
}
