import { Database } from '../../crds/database.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Route } from '../../crds/route.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import type { EnvVar } from '../../crds/workload.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { sealedDigest } from '../../controller/secrets/secret-box.ts';
import { storedValue } from '../../controller/secrets/stored-value.ts';
import { serviceAddress } from '../shared/service-address.ts';
import { stableHash } from '../shared/stable-hash.ts';
import { leavingSince } from '../shared/traffic.ts';

/** What the references of an environment come to now, without any value. */
export interface References {
  /** Says which variable refers to what that does not exist; the first, where there are several. */
  missing: string | undefined;
  /** Of secrets, credentials and addresses that a proxy keeps. */
  digest: string;
  /** The address of each service that has no proxy. */
  endpoints: Record<string, string>;
}

interface Place {
  namespace: string | undefined;
  /** Addresses that were taken before. */
  known: Readonly<Record<string, string>>;
}

type Found = { fact: string } | { endpoint: string } | { missing: string };

/** Looks up all that an environment refers to. Reads only the cache. */
export function readReferences(env: readonly EnvVar[], place: Place, read: ResourceReader): References {
  const facts: [string, string][] = [];
  const endpoints: Record<string, string> = {};
  let missing: string | undefined;
  for (const variable of env) {
    const found = lookUp(variable, place, read);
    if (found === undefined) continue;
    if ('missing' in found) missing ??= `env ${variable.name}: ${found.missing}`;
    else if ('fact' in found) facts.push([variable.name, found.fact]);
    else endpoints[variable.valueFrom?.serviceRef?.name ?? ''] = found.endpoint;
  }
  return { missing, digest: stableHash(facts), endpoints };
}

/** Whether an environment refers to anything at all. */
export function hasReferences(env: readonly EnvVar[]): boolean {
  return env.some(({ valueFrom }) => valueFrom !== undefined);
}

/**
 * Whether services that are reached without a proxy refer to each other in a circle, `from` by way of `to` back to `from`. A
 * new revision of one changes what the next refers to, so that they would roll each other for ever.
 */
export function isInCircle(from: Service, to: string, read: ResourceReader): boolean {
  const { namespace, name } = from.metadata;
  const seen = new Set<string>();
  const open = [to];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === name) return true;
    const service = seen.has(next) ? undefined : read.get(Service, { namespace, name: next });
    seen.add(next);
    if (service === undefined || isProxied(next, namespace ?? '', read)) continue;
    open.push(...service.spec.env.flatMap(({ valueFrom }) => valueFrom?.serviceRef?.name ?? []));
  }
  return false;
}

function lookUp({ valueFrom }: EnvVar, place: Place, read: ResourceReader): Found | undefined {
  if (valueFrom?.secretRef) return secretFact(valueFrom.secretRef, place, read);
  if (valueFrom?.databaseRef) return databaseFact(valueFrom.databaseRef, place, read);
  if (valueFrom?.serviceRef) return serviceFact(valueFrom.serviceRef, place, read);
  return undefined;
}

function secretFact({ name, key }: { name: string; key: string }, { namespace }: Place, read: ResourceReader): Found {
  const secret = read.get(Secret, { namespace, name });
  if (!secret) return { missing: `There is no Secret "${name}" in the project. Create it.` };
  const stored = storedValue(secret, key);
  if (!stored.ok) return { missing: stored.message };
  // Encrypting the same value once more gives other text and the same digest.
  return { fact: sealedDigest(stored.encrypted) ?? stableHash(stored.encrypted) };
}

function databaseFact({ name, key }: { name: string; key: string }, place: Place, read: ResourceReader): Found {
  const database = read.get(Database, { namespace: place.namespace, name });
  if (!database) return { missing: `There is no Database "${name}" in the project. Create it.` };
  const credentials = database.status.credentialsSecretRef;
  if (!credentials) return { missing: `The Database "${name}" has no credentials yet.` };
  return secretFact({ name: credentials.name, key }, place, read);
}

function serviceFact(
  { name, key }: { name: string; key: string },
  { namespace = '', known }: Place,
  read: ResourceReader,
): Found {
  const reading = serviceAddress(read, namespace, name);
  const before = known[name];
  if (before !== undefined && !isProxied(name, namespace, read) && isStillThere(before, name, namespace, read))
    return { endpoint: before };
  if (!reading.ok) return { missing: reading.message };
  const { host, port, url } = reading.address;
  if (key !== 'host' && port === undefined)
    return { missing: `Service "${name}" has no port. Give it one in spec.ports.` };
  return isProxied(name, namespace, read) ? { fact: url ?? host } : { endpoint: `${host}:${port ?? ''}` };
}

/** An address that a proxy carries stays when the guests behind it change. */
function isProxied(name: string, namespace: string, read: ResourceReader): boolean {
  const route = read.get(Route, { namespace, name })?.status;
  return route?.proxy !== undefined && route.url !== undefined;
}

/** An address stays that of a guest that is there, ready or not: one that comes and goes does not make others follow. */
function isStillThere(address: string, name: string, namespace: string, read: ResourceReader): boolean {
  const active = read.get(Service, { namespace, name })?.status.activeDeployment;
  const deployment = active === undefined ? undefined : read.get(Deployment, { namespace, name: active });
  const guests = deployment ? read.ownedBy(Guest, deployment.metadata.uid) : [];
  return guests.some((guest) => {
    const isIt = `${guest.status.addresses[0]}:${guest.spec.ports[0]?.port ?? ''}` === address;
    return isIt && guest.metadata.deletionTimestamp === undefined && leavingSince(guest) === undefined;
  });
}
