import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { DEPLOYMENT_LABEL } from '../../crds/meta.ts';
import { Route } from '../../crds/route.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import { takesRequests } from '../../reconcilers/shared/traffic.ts';
import type { RolloutHost } from './rollout-host.ts';

type Host = Pick<RolloutHost, 'make' | 'start' | 'stop' | 'destroy' | 'moveVolume' | 'route' | 'runCommand'>;

/** What a rollout's loops know of the world: calls that count and may be the last, and a look that does not. */
export interface RolloutTools {
  host: Host;
  look: RolloutHost;
  resources: Resources;
  /** How the guests of a revision do, by the number at the end of its name. */
  doing: (deployment: string) => 'well' | 'unhealthy' | 'slow';
}

const READY_AFTER_MS = 300;
const SLOW_MS = 20_000;
const COMMAND_MS = 500;

/** Guests in short: made, started when their volumes are there, healthy after a moment, gone without their volumes. */
export function guestLoop({ host, look, resources: { read }, doing }: RolloutTools): Reconciler<Guest> {
  return {
    kind: Guest,
    watches: [
      watching(Volume, ({ metadata }, all) => all.list(Guest, metadata.namespace).map((guest) => guest.metadata)),
    ],
    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const { uid, name } = metadata;
      const seen = look.guests.get(uid);
      pass.status = {
        ...pass.status,
        created: seen !== undefined,
        power: seen?.running === true ? 'running' : 'stopped',
      };
      if (!seen) {
        await host.make(uid, name);
        return notReady(pass, 'Creating', 100);
      }
      if (spec.power === 'stopped') {
        if (!seen.running) return ready(pass, 'False', 'Stopped');
        await host.stop(uid);
        return notReady(pass, 'Stopping', 0);
      }
      const volumes = spec.mounts.map((mount) => mount.volume);
      if (!seen.running) {
        const held = volumes.every(
          (volume) => read.get(Volume, { namespace: metadata.namespace, name: volume })?.status.attachedUid === uid,
        );
        if (!held) return notReady(pass, 'Waiting', 5_000);
        await host.start(uid, volumes);
        return notReady(pass, 'Starting', 50);
      }
      const how = doing(metadata.labels?.[DEPLOYMENT_LABEL] ?? '');
      if (how === 'unhealthy') return ready(pass, 'False', 'Unhealthy');
      const leftMs = (how === 'slow' ? SLOW_MS : READY_AFTER_MS) - look.ranMs(uid);
      return leftMs > 0 ? notReady(pass, 'HealthUnknown', leftMs) : ready(pass, 'True', 'Healthy');
    },
    async finalize({ resource }) {
      const { uid } = resource.metadata;
      const seen = look.guests.get(uid);
      if (!seen) return settled();
      if (seen.running) await host.stop(uid);
      else if ([...look.volumes.values()].includes(uid)) return waiting('Waiting', 'It still has a volume.', 5_000);
      else await host.destroy(uid);
      return waiting('Deleting', 'It goes.', 0);
    },
  };
}

function ready(pass: Pass<Guest>, status: ConditionInput['status'], reason: ConditionInput['reason']): Outcome {
  const at = { generation: pass.resource.metadata.generation, now: pass.now };
  const message = `It is ${reason}.`;
  pass.status.conditions = setCondition(pass.status.conditions, { type: 'Ready', status, reason, message }, at);
  return settled();
}

function notReady(pass: Pass<Guest>, reason: ConditionInput['reason'], checkAfterMs: number): Outcome {
  ready(pass, 'False', reason);
  return waiting(reason, `It is ${reason}.`, checkAfterMs);
}

/** Volumes in short: to the guest that is to have it once neither of the two runs, else parked when its guest goes. */
export function volumeLoop({ host, look, resources: { read } }: RolloutTools): Reconciler<Volume> {
  return {
    kind: Volume,
    watches: [
      watching(Guest, ({ metadata }, all) => all.list(Volume, metadata.namespace).map((volume) => volume.metadata)),
    ],
    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const guests = read.list(Guest, metadata.namespace);
      const holder = look.volumes.get(metadata.name);
      const next = guests.find((guest) => guest.metadata.name === spec.guest && !guest.metadata.deletionTimestamp);
      const from = guests.find((guest) => guest.metadata.uid === holder);
      const mayGo = holder === undefined || look.guests.get(holder)?.running !== true;
      const mayCome = next !== undefined && look.guests.get(next.metadata.uid)?.running === false;
      if (mayGo && mayCome && holder !== next.metadata.uid) await host.moveVolume(metadata.name, next.metadata.uid);
      else if (mayGo && !mayCome && holder !== undefined && (!from || from.metadata.deletionTimestamp))
        await host.moveVolume(metadata.name, undefined);
      const { attachedUid: _, ...rest } = pass.status;
      const attachedUid = look.volumes.get(metadata.name);
      pass.status = { ...rest, ...(attachedUid !== undefined && { attachedUid }) };
      return attachedUid === next?.metadata.uid ? settled() : waiting('Waiting', 'It waits for its guest.', 1_000);
    },
  };
}

/** A proxy in short: whoever may takes requests, acknowledged at once; whoever may no longer drains. */
export function routeLoop({ host, look, resources: { read } }: RolloutTools): Reconciler<Route> {
  return {
    kind: Route,
    watches: [
      watching(Guest, ({ metadata }, all) => all.list(Route, metadata.namespace).map((route) => route.metadata)),
      watching(Deployment, ({ metadata }, all) => all.list(Route, metadata.namespace).map((route) => route.metadata)),
    ],
    async reconcile(pass) {
      const { namespace } = pass.resource.metadata;
      const revisions = read.list(Deployment, namespace).filter(({ status }) => status.promoted);
      const newest = Math.max(0, ...revisions.map(({ spec }) => spec.revision));
      const names = revisions
        .flatMap((revision) =>
          read.ownedBy(Guest, revision.metadata.uid).filter((guest) => takesRequests(revision, guest)),
        )
        .map(({ metadata }) => metadata.name)
        .toSorted();
      if (names.join() !== look.upstreams.join()) await host.route(names);
      const left = pass.status.upstreams.filter(({ guest }) => !names.includes(guest));
      const since = pass.now.toISOString();
      pass.status = {
        ...pass.status,
        proxy: 'edge',
        revision: newest,
        upstreams: names.map((guest) => ({ guest, address: `${guest}:80` })),
        draining: [
          ...pass.status.draining.filter(({ guest }) => !names.includes(guest)),
          ...left.map((upstream) => ({ ...upstream, since })),
        ],
      };
      return settled();
    },
  };
}

/** Jobs in short: the command runs once and ends after a moment. */
export function jobLoop({ host, doing }: RolloutTools): Reconciler<Job> {
  return {
    kind: Job,
    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      if (pass.status.phase === 'Succeeded' || pass.status.phase === 'Failed') return settled();
      if (pass.status.startedAt === undefined) {
        pass.status = { ...pass.status, phase: 'Running', startedAt: pass.now.toISOString() };
        await pass.checkpoint();
      }
      await host.runCommand(metadata.uid, metadata.name);
      const leftMs = Date.parse(pass.status.startedAt ?? '') + COMMAND_MS - pass.now.getTime();
      if (leftMs > 0) return waiting('InProgress', 'It runs.', leftMs);
      const isWell = doing(spec.deployment) === 'well';
      pass.status = isWell
        ? { ...pass.status, phase: 'Succeeded' }
        : { ...pass.status, phase: 'Failed', failure: 'The run ended with code 3.\nIts last lines:\nno such table' };
      return settled();
    },
  };
}
