import {
  addressOf,
  closing,
  HTTP_SERVER,
  HTTPS_SERVER,
  redirectRoute,
  server,
  unknownHost,
  type CaddyParts,
  type Json,
  type RenderOptions,
} from './caddy-parts.ts';
import { certificatePolicies, secureHosts } from './certificate-policies.ts';
import type { ProxyTable } from './client.ts';
import { hostRoutes } from './host-routes.ts';

/** The table as the JSON of the one Caddy that does it all. Every string in it is fixed or was checked by `checkRoute`. Pure. */
export function renderCaddy({ settings, routes }: ProxyTable, options: RenderOptions): CaddyParts {
  const list = [...routes.values()];
  const secure = secureHosts(list);
  const named = { ...options, isBehindEdge: false };
  const http: Json = {
    ...server(addressOf(settings, settings.httpPort), HTTP_SERVER, options),
    // What it would set up by itself it sets up for the ports of the whole Caddy, which may be other ones.
    automatic_https: { disable: true },
    routes: [
      closing,
      ...hostRoutes(list, ['off'], named),
      ...(secure.size === 0 ? [] : [redirectRoute('containr-redirect', [...secure.keys()], settings.httpsPort)]),
      unknownHost,
    ],
  };
  const https: Json = {
    ...server(addressOf(settings, settings.httpsPort), HTTPS_SERVER, options),
    automatic_https: { disable_redirects: true },
    tls_connection_policies: [{}],
    routes: [closing, ...hostRoutes(list, ['auto', 'internal'], named), unknownHost],
  };
  return {
    // While no host wants a certificate its port is not taken either.
    servers: { [HTTP_SERVER]: http, ...(secure.size > 0 && { [HTTPS_SERVER]: https }) },
    policies: certificatePolicies(secure, settings, options),
    isPublic: true,
  };
}
