import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { DEPLOYMENT_LABEL, SERVICE_LABEL } from '../../crds/meta.ts';
import { Route } from '../../crds/route.ts';
import { Service } from '../../crds/service.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { takesRequests } from './traffic.ts';

/** Where a Service is reached from inside; a part that it does not have is undefined. */
export interface ServiceAddress {
  host: string;
  port: number | undefined;
  url: string | undefined;
}

export type ServiceAddressReading = { ok: true; address: ServiceAddress } | { ok: false; message: string };

/**
 * The address that other services of the project use: that of its Route where a proxy carries one, else the address and first
 * port of its first guest that takes requests. The message says what to do where there is neither.
 */
export function serviceAddress(read: ResourceReader, namespace: string, name: string): ServiceAddressReading {
  if (!read.get(Service, { namespace, name }))
    return { ok: false, message: `There is no Service "${name}" in the project. Create it, or correct the name.` };
  const route = read.get(Route, { namespace, name })?.status;
  const address = route?.proxy !== undefined && route.url !== undefined ? addressOfUrl(route.url) : undefined;
  // In a guest such a name means the guest itself.
  if (address && !address.host.endsWith('.localhost')) return { ok: true, address };

  const [guest] = read
    .list(Guest, namespace)
    .filter((one) => one.metadata.labels?.[SERVICE_LABEL] === name && isServing(one, read))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const host = guest?.status.addresses[0];
  if (host === undefined)
    return { ok: false, message: `Service "${name}" has no address yet: it has neither a route nor a ready guest.` };
  const port = guest?.spec.ports[0]?.port;
  return {
    ok: true,
    address: { host, port, url: port === undefined ? undefined : `http://${bracketed(host)}:${port}` },
  };
}

function isServing(guest: Guest, read: ResourceReader): boolean {
  const { namespace, labels } = guest.metadata;
  const deployment = read.get(Deployment, { namespace, name: labels?.[DEPLOYMENT_LABEL] ?? '' });
  return deployment !== undefined && takesRequests(deployment, guest);
}

function addressOfUrl(url: string): ServiceAddress {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port), url };
}

/** As an IPv6 address stands in a URL. */
function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
