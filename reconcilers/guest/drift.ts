import type { ResourceReader } from '../../controller/reconciler.ts';
import type { ConditionInput } from '../../crds/condition.ts';
import type { Guest } from '../../crds/guest.ts';
import { CORRECT_DRIFT, SERVICE_LABEL } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { Service } from '../../crds/service.ts';
import type { GuestChanges, GuestConfig } from '../providers/proxmox/client.ts';
import { differences, type DesiredGuest } from './desired.ts';

export type DriftPolicy = 'Correct' | 'Report';
type Drifted = Guest['status']['drift'][number];

/** What people change by hand, under the names that Proxmox has for it. Marks are no drift: they are always put back. */
const fields = [
  ['hostname', 'hostname'],
  ['memoryMiB', 'memory'],
  ['swapMiB', 'swap'],
  ['cores', 'cores'],
  ['cpuLimit', 'cpulimit'],
  ['entrypoint', 'entrypoint'],
  ['env', 'env'],
  ['onboot', 'onboot'],
] as const satisfies readonly (readonly [keyof GuestChanges & keyof GuestConfig, string])[];

/** Values of the environment may be secrets. */
const HIDDEN = '(hidden)';

/** What a guest has that was once as declared and is not any more. Since when stays as it was first seen. Pure. */
export function driftOf(
  { configDigest, drift: before }: Guest['status'],
  desired: DesiredGuest,
  config: GuestConfig,
  now: Date,
): Drifted[] {
  // Otherwise it is what is declared that changed.
  if (configDigest !== desired.digest) return [];
  const changes = differences(desired, config);
  const drifted: Omit<Drifted, 'since'>[] = fields
    .filter(([key]) => changes[key] !== undefined)
    .map(([key, field]) => ({ field, declared: shown(key, desired[key]), found: shown(key, config[key]) }));
  if (changes.net0 !== undefined)
    drifted.push({ field: 'net0', declared: desired.net0, found: config.nets['net0'] ?? '' });
  return drifted.map((one) => {
    const known = before.find(({ field, found }) => field === one.field && found === one.found);
    return { ...one, since: known?.since ?? now.toISOString() };
  });
}

/** What of a drift is left as it is: all of it where it is only to be reported. Pure. */
export function leftAlone(policy: DriftPolicy, drift: readonly Drifted[]): ReadonlySet<keyof GuestChanges> {
  if (policy === 'Correct') return new Set();
  const named = new Set(drift.map(({ field }) => field));
  const keys = fields.filter(([, field]) => named.has(field)).map(([key]) => key);
  return new Set<keyof GuestChanges>(named.has('net0') ? [...keys, 'net0'] : keys);
}

/** The service's own word, else its project's; corrected unless told otherwise. Pure. */
export function driftPolicy({ metadata, status }: Guest, read: ResourceReader): DriftPolicy {
  const asked = metadata.annotations?.[CORRECT_DRIFT];
  if (asked !== undefined && asked !== status.driftCorrectedAt) return 'Correct';
  const { namespace } = metadata;
  const service = read.get(Service, { namespace, name: metadata.labels?.[SERVICE_LABEL] ?? '' });
  return service?.spec.drift ?? read.get(Project, { name: namespace ?? '' })?.spec.drift ?? 'Correct';
}

/** What people read of it. Pure. */
export function driftCondition(policy: DriftPolicy, drift: readonly Drifted[]): ConditionInput {
  const type = 'DriftFree';
  if (drift.length === 0)
    return { type, status: 'True', reason: 'AsDeclared', message: 'The configuration of the guest is as declared.' };
  const found = drift.map(({ field, declared, found: is }) => `${field} is ${is} instead of ${declared}`).join(', ');
  return policy === 'Correct'
    ? { type, status: 'False', reason: 'DriftCorrected', message: `Changed by hand: ${found}. It is being corrected.` }
    : {
        type,
        status: 'False',
        reason: 'Drifted',
        message: `Changed by hand: ${found}. It is only reported. See: containr drift list`,
      };
}

function shown(key: (typeof fields)[number][0], value: GuestConfig[(typeof fields)[number][0]]): string {
  if (key === 'env') return HIDDEN;
  return value === undefined ? 'not set' : String(value);
}
