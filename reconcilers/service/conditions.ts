import { findCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Job } from '../../crds/job.ts';
import type { Service } from '../../crds/service.ts';
import { isUnknown, troubleOfGuests } from '../shared/guest-troubles.ts';
import { hasReferences } from './references.ts';
import type { ServiceView } from './report.ts';

/** How many guests there are and should be. */
export interface Counts {
  ready: number;
  desired: number;
}

/** Conditions that stand only while there is something to say; the others always do. */
export const passingConditions = [
  'DriftFree',
  'ConfigResolved',
  'LastRunSucceeded',
  'Paused',
  'RollbackPinned',
  'Routed',
  'SourceFollowed',
] as const;

/** What is true of a service. Pure. */
export function conditionsOf(service: Service, view: ServiceView, counts: Counts): ConditionInput[] {
  return [
    readyCondition(service, view, counts),
    imageCondition(view),
    guestsCondition(view, counts),
    upToDateCondition(view),
    ...configCondition(service, view),
    ...driftConditionOf(view),
    ...runCondition(view),
    ...routeCondition(view),
    ...pinnedCondition(view),
    ...pausedCondition(service),
    ...(view.branch ? [view.branch] : []),
  ];
}

/** Ready means: what was asked for last serves. A failed rollout is not Ready though the old revision still serves. */
function readyCondition({ spec }: Service, view: ServiceView, { ready, desired }: Counts): ConditionInput {
  const { active, latest, guests, hold } = view;
  const serving = active ? ` Revision ${active.spec.revision} still serves.` : '';
  if (hold) return is('Ready', 'False', hold.reason, `${hold.message}${serving}`);
  if (!latest) return is('Ready', 'False', 'Progressing', 'A new revision is being recorded.');
  const { phase } = latest.status;
  if (phase === 'Failed') {
    const why = findCondition(latest.status.conditions, 'Ready')?.message ?? 'It failed.';
    return is('Ready', 'False', 'DeploymentFailed', `Revision ${latest.spec.revision} failed. ${why}${serving}`);
  }
  if (phase !== 'Active') {
    const what = findCondition(latest.status.conditions, 'Ready')?.message ?? 'It was just recorded.';
    return is('Ready', 'False', 'Progressing', `Revision ${latest.spec.revision} is being rolled out. ${what}`);
  }
  if (spec.suspended) return is('Ready', 'False', 'Suspended', 'The service is suspended.');
  if (spec.type === 'cron')
    return is('Ready', 'True', 'Available', `Revision ${latest.spec.revision} runs by its schedule.`);
  if (desired === 0) return is('Ready', 'True', 'NoReplicas', 'The service is scaled to nothing.');
  return ready >= desired
    ? is('Ready', 'True', 'Available', `Revision ${latest.spec.revision} serves.`)
    : is('Ready', isUnknown(guests) ? 'Unknown' : 'False', 'Degraded', fewer(view));
}

function imageCondition({ build }: ServiceView): ConditionInput {
  if (build?.status.phase === 'Succeeded')
    return is('ImageAvailable', 'True', 'BuildSucceeded', 'The image of the newest revision is built.');
  const notBuilt = findCondition(build?.status.conditions ?? [], 'Ready');
  return is(
    'ImageAvailable',
    'False',
    notBuilt?.reason ?? 'AwaitingBuild',
    notBuilt?.message ?? 'Waiting for the build.',
  );
}

function guestsCondition(view: ServiceView, { ready, desired }: Counts): ConditionInput {
  return ready >= desired
    ? is('GuestsReady', 'True', 'Available', 'As many guests as asked for are ready.')
    : is('GuestsReady', isUnknown(view.guests) ? 'Unknown' : 'False', 'Degraded', fewer(view));
}

function upToDateCondition(view: ServiceView): ConditionInput {
  const { latest, active, hold } = view;
  if (hold) return is('UpToDate', 'False', hold.reason, hold.message);
  if (latest?.status.phase === 'Failed' && active) {
    const message = `Revision ${latest.spec.revision} failed; revision ${active.spec.revision} serves.`;
    return is('UpToDate', 'False', 'DeploymentFailed', message);
  }
  const pinned = pinnedWords(view);
  if (pinned !== undefined) return is('UpToDate', 'False', 'RollbackPinned', pinned);
  return latest?.status.phase === 'Active'
    ? is('UpToDate', 'True', 'Available', 'The newest revision serves.')
    : is('UpToDate', 'False', 'Progressing', 'The newest revision is on its way.');
}

/** A rollback stays in force until the spec changes. */
function pinnedWords({ latest, hold }: ServiceView): string | undefined {
  if (hold || latest?.spec.rollbackOf === undefined) return undefined;
  return `Revision ${latest.spec.revision} is a rollback to ${latest.spec.rollbackOf}, older than the spec. The spec is rolled out with its next change, the next commit, or by containr rollout restart.`;
}

function pinnedCondition(view: ServiceView): ConditionInput[] {
  const words = pinnedWords(view);
  return words === undefined ? [] : [is('RollbackPinned', 'True', 'RollbackPinned', words)];
}

function pausedCondition({ spec }: Service): ConditionInput[] {
  const message = 'New revisions are held back. Resume: containr rollout resume.';
  return spec.rollout.paused ? [is('Paused', 'True', 'Paused', message)] : [];
}

/** What the guests say of theirs; nothing before one was looked at. */
function driftConditionOf({ guests }: ServiceView): ConditionInput[] {
  const all = guests.flatMap(({ metadata, status }) => {
    const condition = findCondition(status.conditions, 'DriftFree');
    return condition ? [{ name: metadata.name, condition }] : [];
  });
  const drifted = all.find(({ condition }) => condition.status === 'False');
  if (drifted)
    return [is('DriftFree', 'False', drifted.condition.reason, `Guest ${drifted.name}: ${drifted.condition.message}`)];
  if (all.length === 0) return [];
  return [is('DriftFree', 'True', 'AsDeclared', 'The configuration of the guests is as declared.')];
}

/** What the route says of itself. */
function routeCondition({ route }: ServiceView): ConditionInput[] {
  if (!route) return [];
  const ready = findCondition(route.status.conditions, 'Ready');
  return [
    ready
      ? is('Routed', ready.status, ready.reason, ready.message)
      : is('Routed', 'Unknown', 'NotReconciled', 'The route was just recorded.'),
  ];
}

function configCondition({ spec }: Service, { latest, missing }: ServiceView): ConditionInput[] {
  if (missing !== undefined) return [is('ConfigResolved', 'False', 'ConfigMissing', missing)];
  if (!hasReferences(spec.env) && !hasReferences(latest?.spec.template.env ?? [])) return [];
  return [is('ConfigResolved', 'True', 'ConfigResolved', 'Everything that the environment refers to exists.')];
}

function runCondition({ jobs }: ServiceView): ConditionInput[] {
  const ended = jobs.filter(({ status }) => status.phase === 'Succeeded' || status.phase === 'Failed');
  const last = ended.reduce<Job | undefined>((best, job) => (best && endOf(best) > endOf(job) ? best : job), undefined);
  if (!last) return [];
  const { name } = last.metadata;
  return last.status.phase === 'Succeeded'
    ? [is('LastRunSucceeded', 'True', 'JobSucceeded', `The run ${name} ended well.`)]
    : [is('LastRunSucceeded', 'False', 'JobFailed', `The run ${name} failed. ${last.status.failure ?? ''}`.trim())];
}

function endOf({ status }: Job): string {
  return status.completedAt ?? '';
}

function fewer({ guests }: ServiceView): string {
  const trouble = troubleOfGuests(guests);
  return `Fewer guests than asked for are ready.${trouble === undefined ? '' : ` ${trouble.message}`}`;
}

function is(
  type: string,
  status: ConditionInput['status'],
  reason: ConditionInput['reason'],
  message: string,
): ConditionInput {
  return { type, status, reason, message };
}
