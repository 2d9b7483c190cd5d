import { ACME_POLICY, INTERNAL_POLICY, type Json, type RenderOptions } from './caddy-parts.ts';
import type { ProxyRoute, ProxySettings, TlsMode } from './client.ts';

/** Hosts that have a certificate, in a steady order, and where it comes from. */
export type SecureHosts = ReadonlyMap<string, Exclude<TlsMode, 'off'>>;

/** The first route that names a host has the word. Pure. */
export function secureHosts(routes: Iterable<ProxyRoute>): SecureHosts {
  const modes = new Map<string, Exclude<TlsMode, 'off'>>();
  for (const { hosts } of routes)
    for (const { host, tls } of hosts) if (tls !== 'off' && !modes.has(host)) modes.set(host, tls);
  return new Map([...modes].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Caddy's rules for where certificates come from. Pure. */
export function certificatePolicies(
  secure: SecureHosts,
  { email }: ProxySettings,
  { ruled }: Pick<RenderOptions, 'ruled'>,
): Json[] {
  const subjects = (mode: TlsMode): string[] =>
    [...secure.keys()].filter((host) => secure.get(host) === mode && !ruled.has(host));
  return [
    ...policy(INTERNAL_POLICY, subjects('internal'), { module: 'internal' }),
    // Without an address to tell there is nothing to say: this is what Caddy does by itself.
    ...(email === undefined ? [] : policy(ACME_POLICY, subjects('auto'), { module: 'acme', email })),
  ];
}

/** A rule without subjects would be the rule for everybody. */
function policy(id: string, subjects: readonly string[], issuer: Json): Json[] {
  return subjects.length === 0 ? [] : [{ '@id': id, subjects, issuers: [issuer] }];
}
