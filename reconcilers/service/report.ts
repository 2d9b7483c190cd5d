import { conditionIs, removeCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Build } from '../../crds/build.ts';
import type { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Job } from '../../crds/job.ts';
import type { Route } from '../../crds/route.ts';
import type { Service } from '../../crds/service.ts';
import { isUnknown } from '../shared/guest-troubles.ts';
import { conditionsOf, passingConditions } from './conditions.ts';
import type { Hold } from './plan.ts';

/** What the children of a service say. */
export interface ServiceView {
  /** The newest one that took over: it serves. */
  active: Deployment | undefined;
  latest: Deployment | undefined;
  build: Build | undefined;
  /** Guests of the revision that serves. */
  guests: readonly Guest[];
  route: Route | undefined;
  /** Scheduled runs. */
  jobs: readonly Job[];
  /** Why the revision that the spec asks for is not made. */
  hold?: Hold | undefined;
  /** Where the branch is that is followed. */
  branch?: ConditionInput | undefined;
  /** What the environment refers to and does not exist. */
  missing?: string | undefined;
}

/** The status as the children have it. Pure. */
export function reportService(
  service: Service,
  status: Service['status'],
  view: ServiceView,
  now: Date,
): Service['status'] {
  const { active, guests } = view;
  const ready = guests.filter((guest) => conditionIs(guest.status.conditions, 'Ready', 'True'));
  const desired = desiredOf(service);
  const updated = view.latest?.status.replicas?.ready ?? 0;
  const at = { generation: service.metadata.generation, now };
  const { url: _, activeDeployment: __, revision: ___, commit: ____, ...rest } = withoutTimes(service, status);
  const url = urlOf(service, view, ready);
  const inputs = conditionsOf(service, view, { ready: ready.length, desired });
  const stale = passingConditions.filter((passing) => !inputs.some(({ type }) => type === passing));
  const lasting = stale.reduce(removeCondition, status.conditions);
  const conditions = inputs.reduce((list, input) => setCondition(list, input, at), lasting);
  return {
    ...rest,
    phase: phaseOf(service, view, ready.length),
    ...(url !== undefined && { url }),
    ...(active && { activeDeployment: active.metadata.name, revision: active.spec.revision }),
    ...(active?.status.commit !== undefined && { commit: active.status.commit }),
    replicas: { desired, ready: ready.length, updated, summary: `${ready.length}/${desired}` },
    nodes: [...new Set(guests.flatMap((guest) => guest.status.node ?? []))].sort(),
    vmids: guests.flatMap((guest) => guest.status.vmid ?? []).sort((a, b) => a - b),
    conditions,
  };
}

/** A service on a schedule has no guest of its own: each run brings its own. */
function desiredOf({ spec }: Service): number {
  return spec.suspended || spec.type === 'cron' ? 0 : spec.replicas;
}

/** Only what runs by a schedule has times to say. */
function withoutTimes({ spec }: Service, status: Service['status']): Service['status'] {
  if (spec.type === 'cron') return status;
  const { schedule: _, lastScheduledAt: __, nextScheduleAt: ___, ...rest } = status;
  return rest;
}

function urlOf({ spec }: Service, { route, guests }: ServiceView, ready: readonly Guest[]): string | undefined {
  if (spec.type !== 'web') return undefined;
  if (route?.status.proxy !== undefined && route.status.url !== undefined) return route.status.url;
  // An address does not go away because nobody can look at the moment.
  const reached = ready.length === 0 && isUnknown(guests) ? guests : ready;
  const [first] = reached.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const address = first?.status.addresses[0];
  const port = spec.ports[0]?.port ?? first?.spec.ports[0]?.port;
  return address === undefined || port === undefined ? undefined : `http://${address}:${port}`;
}

function phaseOf(
  { spec }: Service,
  { active, latest }: ServiceView,
  ready: number,
): NonNullable<Service['status']['phase']> {
  if (spec.suspended) return 'Suspended';
  const phase = latest?.status.phase;
  const isCron = spec.type === 'cron';
  switch (phase) {
    case undefined:
      return active && ready > 0 ? 'Running' : 'Pending';
    case 'Pending':
    case 'AwaitingBuild':
      return 'Building';
    case 'Failed':
      return active && (ready > 0 || isCron) ? 'Running' : 'Failed';
    case 'Active':
    case 'Superseded':
    case 'RolledBack':
      return spec.replicas === 0 && !isCron ? 'Stopped' : 'Running';
    default:
      return 'Deploying';
  }
}
