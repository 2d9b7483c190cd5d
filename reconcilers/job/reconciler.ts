import { setCondition } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import type { LogStore } from '../../controller/logs.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, Reconciler, Resources } from '../../controller/reconciler.ts';
import { childName } from '../shared/child-name.ts';
import { guestManifest } from '../shared/guest-manifest.ts';
import { lastWords } from '../shared/last-words.ts';
import { troubleOf } from '../shared/trouble.ts';
import { claimVolumes, mountsOf } from './claim-volumes.ts';
import { planJob, type JobEnd } from './plan.ts';
import { lastWord, reportEnd, reportJob } from './report.ts';

export interface JobDeps {
  resources: Resources;
  logs: Pick<LogStore, 'read' | 'remove'>;
}

const LAST_LINES = 10;

/** Carries out one run in a guest of its own: asked for once, watched to its end or deadline, removed afterwards. */
export function jobReconciler({ resources: { read, write }, logs }: JobDeps): Reconciler<Job> {
  function guestOf({ metadata }: Job): Guest | undefined {
    return read.ownedBy(Guest, metadata.uid)[0];
  }

  return {
    kind: Job,
    owns: [Guest],

    async reconcile(pass) {
      const guest = guestOf(pass.resource);
      pass.status = reportJob(pass.resource, pass.status, guest, pass.now);
      const plan = planJob({ job: pass.resource, status: pass.status, guest, now: pass.now });
      switch (plan.do) {
        case 'begin':
          pass.status.startedAt = pass.now.toISOString();
          await pass.checkpoint();
          return makeGuest(pass);
        case 'createGuest':
          return makeGuest(pass);
        case 'wait':
          return waiting('InProgress', lastWord(pass.status), plan.checkAfterMs);
        case 'end':
          await end(pass, plan.end, guest);
          return guest ? removeGuest(pass, guest) : conclude(pass);
        case 'removeGuest':
          return guest ? removeGuest(pass, guest) : conclude(pass);
        case 'nothing':
          return conclude(pass);
        default:
          return plan satisfies never;
      }
    },

    async finalize(pass) {
      const guest = guestOf(pass.resource);
      if (guest) return removeGuest(pass, guest);
      const { guestUid } = pass.status;
      if (guestUid !== undefined) await logs.remove(`guest/${guestUid}`);
      return settled();
    },
  };

  async function makeGuest(pass: Pass<Job>): Promise<Outcome> {
    const { resource, status } = pass;
    const manifest = guestOfJob(resource);
    const holder = await claimVolumes(resource, manifest.metadata.name, { read, write });
    if (holder !== undefined) return notYet(pass, holder);
    const made = await write.create(Guest, manifest);
    pass.status = { ...status, guest: made.metadata.name, guestUid: made.metadata.uid };
    return waiting('Provisioning', lastWord(pass.status), 0);
  }

  /** How it ended is saved before its guest goes: nothing could tell it afterwards. */
  async function end(pass: Pass<Job>, how: JobEnd, guest: Guest | undefined): Promise<void> {
    const { metadata, spec } = pass.resource;
    const lines = guest && how.phase === 'Failed' ? await lastLines(guest.metadata.uid) : [];
    pass.status = reportEnd(pass.resource, pass.status, how, lines, pass.now);
    await pass.checkpoint();
    const words = `The run ${metadata.name} of service ${spec.service} is over: ${how.failure ?? 'it ended well.'}`;
    pass.event(how.phase === 'Failed' ? 'Warning' : 'Normal', how.reason, words);
  }

  async function removeGuest(pass: Pass<Job>, guest: Guest): Promise<Outcome> {
    if (guest.metadata.deletionTimestamp === undefined) await write.delete(Guest, guest);
    if (!guestOf(pass.resource)) return waiting('Deleting', 'The guest of the run is gone.', 0);
    const message = troubleOf(guest)?.message ?? 'The guest of the run is being removed.';
    return waiting('WaitingForChildren', message, 15_000);
  }

  async function lastLines(guestUid: string): Promise<string[]> {
    return lastWords(await logs.read(`guest/${guestUid}`, { tail: LAST_LINES }));
  }
}

/** A volume has one guest at a time. */
function notYet(pass: Pass<Job>, holder: string): Outcome {
  const { metadata, spec } = pass.resource;
  const message = `The volumes of service ${spec.service} are with guest ${holder}; the run starts when that is gone.`;
  pass.status.conditions = setCondition(
    pass.status.conditions,
    { type: 'Ready', status: 'False', reason: 'Waiting', message },
    { generation: metadata.generation, now: pass.now },
  );
  return waiting('Waiting', message, 5_000);
}

function conclude({ status }: Pass<Job>): Outcome {
  if (status.phase !== 'Failed') return settled();
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return stalled(ready?.reason ?? 'JobFailed', lastWord(status));
}

/** The guest of a run. The command before a rollout takes the place of what the service runs. */
function guestOfJob(job: Job): ReturnType<typeof guestManifest> {
  const { metadata, spec } = job;
  const { template } = spec;
  const startCommand = spec.trigger === 'pre-deploy' ? template.preDeploy?.command : undefined;
  return guestManifest({
    owner: job,
    service: spec.service,
    // A host name has no dots, the name of a Job may have some.
    name: childName(metadata.name.replaceAll('.', '-'), 'run'),
    artifact: spec.artifact,
    template: { ...template, startCommand: startCommand ?? template.startCommand },
    restart: 'Never',
    mounts: mountsOf(job),
    serves: false,
  });
}
