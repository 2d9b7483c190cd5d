import { conditionIs, findCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Build } from '../../crds/build.ts';
import type { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Service } from '../../crds/service.ts';
import { isUnknown, troubleOfGuests } from '../shared/guest-troubles.ts';

/** What the children of a service say. */
export interface ServiceView {
  /** The newest one that took over: it serves. */
  active: Deployment | undefined;
  latest: Deployment | undefined;
  build: Build | undefined;
  /** Guests of the revision that serves. */
  guests: readonly Guest[];
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
  const desired = service.spec.suspended ? 0 : service.spec.replicas;
  const updated = view.latest?.status.replicas?.ready ?? 0;
  const at = { generation: service.metadata.generation, now };
  const { url: _, activeDeployment: __, revision: ___, commit: ____, ...rest } = status;
  // An address does not go away because nobody can look at the moment.
  const url = urlOf(service, ready.length === 0 && isUnknown(guests) ? guests : ready);
  let { conditions } = status;
  for (const input of conditionsFor(service, status, view, ready.length, desired))
    conditions = setCondition(conditions, input, at);
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

function urlOf({ spec }: Service, ready: readonly Guest[]): string | undefined {
  if (spec.type !== 'web') return undefined;
  const [first] = ready.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
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
  switch (phase) {
    case undefined:
      return 'Pending';
    case 'Pending':
    case 'AwaitingBuild':
      return 'Building';
    case 'Provisioning':
    case 'Verifying':
    case 'Promoting':
    case 'Draining':
      return 'Deploying';
    case 'Failed':
      return active && ready > 0 ? 'Running' : 'Failed';
    case 'Active':
    case 'Superseded':
    case 'RolledBack':
      return spec.replicas === 0 ? 'Stopped' : 'Running';
    default:
      return phase satisfies never;
  }
}

function conditionsFor(
  service: Service,
  status: Service['status'],
  view: ServiceView,
  ready: number,
  desired: number,
): ConditionInput[] {
  const { build, latest, guests } = view;
  const list: ConditionInput[] = [readyCondition(service, view, ready, desired)];
  const built = build?.status.phase === 'Succeeded';
  const notBuilt = findCondition(build?.status.conditions ?? [], 'Ready');
  list.push(
    built
      ? {
          type: 'ImageAvailable',
          status: 'True',
          reason: 'BuildSucceeded',
          message: 'The image of the newest revision is built.',
        }
      : {
          type: 'ImageAvailable',
          status: 'False',
          reason: notBuilt?.reason ?? 'AwaitingBuild',
          message: notBuilt?.message ?? 'Waiting for the build.',
        },
    ready >= desired
      ? { type: 'GuestsReady', status: 'True', reason: 'Available', message: 'As many guests as asked for are ready.' }
      : {
          type: 'GuestsReady',
          status: isUnknown(guests) ? 'Unknown' : 'False',
          reason: 'Degraded',
          message: fewer(guests),
        },
  );
  if (service.spec.domains.length > 0) {
    const message = 'Domains are recorded and not served yet; the service is reached at status.url.';
    list.push({ type: 'Routed', status: 'False', reason: 'UnsupportedSpec', message });
  }
  if (latest && status.latestRevision > 0 && latest.status.phase === 'Failed' && view.active) {
    const message = `Revision ${latest.spec.revision} failed; revision ${view.active.spec.revision} serves.`;
    list.push({ type: 'UpToDate', status: 'False', reason: 'DeploymentFailed', message });
  } else if (latest?.status.phase === 'Active') {
    list.push({ type: 'UpToDate', status: 'True', reason: 'Available', message: 'The newest revision serves.' });
  } else {
    list.push({
      type: 'UpToDate',
      status: 'False',
      reason: 'Progressing',
      message: 'The newest revision is on its way.',
    });
  }
  return list;
}

/** Ready means: what was asked for last serves. A failed rollout is not Ready though the old revision still serves. */
function readyCondition(
  { spec }: Service,
  { active, latest, guests }: ServiceView,
  ready: number,
  desired: number,
): ConditionInput {
  const is = (value: ConditionInput['status'], reason: ConditionInput['reason'], message: string): ConditionInput => ({
    type: 'Ready',
    status: value,
    reason,
    message,
  });
  if (!latest) return is('False', 'Progressing', 'A new revision is being recorded.');
  const { phase } = latest.status;
  if (phase === 'Failed') {
    const why = findCondition(latest.status.conditions, 'Ready')?.message ?? 'It failed.';
    const serving = active ? ` Revision ${active.spec.revision} still serves.` : '';
    return is('False', 'DeploymentFailed', `Revision ${latest.spec.revision} failed. ${why}${serving}`);
  }
  if (phase !== 'Active') {
    const what = findCondition(latest.status.conditions, 'Ready')?.message ?? 'It was just recorded.';
    return is('False', 'Progressing', `Revision ${latest.spec.revision} is being rolled out. ${what}`);
  }
  if (spec.suspended) return is('False', 'Suspended', 'The service is suspended.');
  if (desired === 0) return is('True', 'NoReplicas', 'The service is scaled to nothing.');
  return ready >= desired
    ? is('True', 'Available', `Revision ${latest.spec.revision} serves.`)
    : is(isUnknown(guests) ? 'Unknown' : 'False', 'Degraded', fewer(guests));
}

function fewer(guests: readonly Guest[]): string {
  const trouble = troubleOfGuests(guests);
  return `Fewer guests than asked for are ready.${trouble === undefined ? '' : ` ${trouble.message}`}`;
}
