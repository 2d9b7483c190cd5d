import { Job } from '../../crds/job.ts';
import type { Service } from '../../crds/service.ts';
import type { Pass, Resources } from '../../controller/reconciler.ts';
import { runOf } from './child-manifests.ts';
import type { Surroundings } from './observe.ts';
import { planRuns } from './plan-runs.ts';
import type { Schedule } from '../shared/schedule.ts';

/** Does what is next for the runs of a service on a schedule. True when there may be more to do at once. */
export async function carryOutRuns(
  pass: Pass<Service>,
  schedule: Schedule,
  { active, jobs }: Surroundings,
  { write }: Resources,
): Promise<boolean> {
  const { resource, now } = pass;
  const plan = planRuns({ spec: resource.spec, stored: resource.status, schedule, active, jobs, now });
  switch (plan.do) {
    case 'nothing':
    case 'await':
      return false;
    case 'note':
      await note(pass, schedule, plan.until, plan.skipped);
      return true;
    case 'start': {
      const job = await write.create(Job, runOf(resource, plan.active, plan.artifact, plan.dueAt));
      await note(pass, schedule, plan.dueAt, plan.skipped);
      pass.event('Normal', 'Started', `The run ${job.metadata.name} was started.`);
      return true;
    }
    case 'cancel':
      for (const job of plan.jobs) await write.update(Job, { ...job, spec: { ...job.spec, cancelled: true } });
      return true;
    case 'forget':
      for (const job of plan.jobs) await write.delete(Job, job);
      return true;
    default:
      return plan satisfies never;
  }
}

async function note(pass: Pass<Service>, schedule: Schedule, until: Date, skipped: string | undefined): Promise<void> {
  pass.status = { ...pass.status, schedule: schedule.text, lastScheduledAt: until.toISOString() };
  await pass.checkpoint();
  if (skipped !== undefined) pass.event('Warning', 'RunSkipped', skipped);
}
