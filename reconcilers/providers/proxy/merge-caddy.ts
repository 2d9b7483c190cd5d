import {
  ACME_POLICY,
  HTTPS_SERVER,
  HTTP_SERVER,
  INTERNAL_POLICY,
  ROUTER_SERVER,
  SHUTDOWN_DELAY,
  type CaddyParts,
} from './caddy-parts.ts';
import type { CaddyApps } from './schema.ts';

const ourServers: ReadonlySet<string> = new Set([HTTP_SERVER, HTTPS_SERVER, ROUTER_SERVER]);

/** The configuration with `parts` in the place of what was ours; all else as it was. Without parts ours is taken out. Pure. */
export function mergeCaddy(apps: CaddyApps, parts: CaddyParts | undefined): unknown {
  const others = Object.entries(apps.http?.servers ?? {}).filter(([name]) => !ourServers.has(name));
  const { shutdown_delay: delay, ...http } = apps.http ?? {};
  const theirs = delay === SHUTDOWN_DELAY ? undefined : delay;
  const delayed = parts?.isPublic ? (delay ?? SHUTDOWN_DELAY) : theirs;
  const before = apps.tls?.automation?.policies ?? [];
  const policies = [...(parts?.policies ?? []), ...before.filter((policy) => !isOurs(policy))];
  const isToldOfTls = policies.length > 0 || before.length > 0;
  return {
    ...apps,
    http: {
      ...http,
      ...(delayed !== undefined && { shutdown_delay: delayed }),
      servers: { ...Object.fromEntries(others), ...parts?.servers },
    },
    ...(isToldOfTls && { tls: { ...apps.tls, automation: { ...apps.tls?.automation, policies } } }),
  };
}

/** Hosts for whose certificates somebody else has made a rule: theirs holds. Pure. */
export function hostsRuledByOthers(apps: CaddyApps): Set<string> {
  const others = (apps.tls?.automation?.policies ?? []).filter((policy) => !isOurs(policy));
  return new Set(others.flatMap(({ subjects = [] }) => subjects));
}

/** Whether there is anything to take out. Pure. */
export function hasOurs({ http, tls }: CaddyApps): boolean {
  const names = Object.keys(http?.servers ?? {});
  return names.some((name) => ourServers.has(name)) || (tls?.automation?.policies ?? []).some(isOurs);
}

function isOurs(policy: { '@id'?: string | undefined }): boolean {
  return policy['@id'] === INTERNAL_POLICY || policy['@id'] === ACME_POLICY;
}
