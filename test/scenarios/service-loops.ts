import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Route } from '../../crds/route.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type ResourceReader } from '../../controller/reconciler.ts';
import { resolveEnvironment } from '../../reconcilers/guest/environment.ts';
import { referenceReader } from '../../reconcilers/guest/references.ts';
import type { GitClient } from '../../reconcilers/providers/git/client.ts';
import { isGitFault } from '../../reconcilers/providers/git/fault.ts';
import { testGuest } from '../../reconcilers/shared/testing.ts';
import { takesRequests } from '../../reconcilers/shared/traffic.ts';
import type { ServiceHost } from './service-host.ts';

/** What the short loops around a service's know of the world. */
export interface ServiceTools {
  /** Calls that count and may be the last. */
  host: Pick<ServiceHost, 'make' | 'start' | 'destroy'>;
  look: ServiceHost;
  read: ResourceReader;
  /** How a run ends. */
  runs: { ms: number; code: number };
}

const READY_AFTER_MS = 300;
const BUILD_MS = 200;

/** Builds in short: they find out the commit, and succeed after a moment. */
export function buildLoop(git: Pick<GitClient, 'resolve'>): Reconciler<Build> {
  return {
    kind: Build,
    async reconcile(pass) {
      const { resource, status, now } = pass;
      if (status.phase === 'Succeeded' || status.phase === 'Failed') return settled();
      const { repository: url, branch, commit } = resource.spec.source;
      if (url !== undefined) {
        const ref = { ...(branch !== undefined && { branch }), ...(commit !== undefined && { commit }) };
        try {
          pass.status.commit ??= (await git.resolve({ url }, ref, pass.signal)).commit;
        } catch (error) {
          if (!isGitFault(error)) throw error;
          pass.status = { ...pass.status, phase: 'Failed', completedAt: now.toISOString() };
          return settled();
        }
      }
      pass.status.startedAt = status.startedAt ?? now.toISOString();
      const leftMs = Date.parse(pass.status.startedAt) + BUILD_MS - now.getTime();
      if (leftMs > 0) return waiting('Building', 'It builds.', leftMs);
      const { artifact } = testGuest().spec;
      pass.status = { ...pass.status, phase: 'Succeeded', artifact, completedAt: now.toISOString() };
      return settled();
    },
  };
}

/** Guests in short: made, started with what references come to then, ready after a moment; a run ends by itself. */
export function guestLoop({ host, look, read, runs }: ServiceTools): Reconciler<Guest> {
  const readReference = referenceReader(read, (namespace, name, key) => {
    const value = read.get(Secret, { namespace, name })?.spec.data[key];
    return value === undefined
      ? { ok: false, reason: 'SecretNotFound', message: `${name} has no ${key}.` }
      : { ok: true, value };
  });
  return {
    kind: Guest,
    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const { uid, name } = metadata;
      const seen = look.guests.get(uid);
      const address = seen?.address;
      pass.status = { ...pass.status, created: seen !== undefined, addresses: address === undefined ? [] : [address] };
      if (pass.status.finished) return say(pass, 'False', 'Stopped');
      if (!seen) {
        await host.make(uid, name);
        return say(pass, 'False', 'Creating', 0);
      }
      const digest = spec.restartedAt ?? 'first';
      if (seen.startedAtMs === undefined || pass.status.startedDigest !== digest) {
        const environment = resolveEnvironment(pass.resource, readReference);
        if (!environment.ok) return say(pass, 'False', environment.reason, 1_000);
        await host.start(uid, environment.env);
        pass.status = { ...pass.status, startedDigest: digest, power: 'running' };
        return say(pass, 'False', 'Starting', 0);
      }
      if (spec.process.restart !== 'Never') {
        const leftMs = READY_AFTER_MS - look.ranMs(uid);
        return leftMs > 0 ? say(pass, 'False', 'HealthUnknown', leftMs) : say(pass, 'True', 'Healthy');
      }
      const leftMs = runs.ms - look.ranMs(uid);
      if (leftMs > 0) return say(pass, 'True', 'Running', leftMs);
      const lastExit = { code: runs.code, at: pass.now.toISOString() };
      pass.status = { ...pass.status, finished: true, power: 'stopped', lastExit };
      return say(pass, 'False', 'Stopped');
    },
    async finalize({ resource }) {
      await host.destroy(resource.metadata.uid);
      return settled();
    },
  };
}

/** Routes in short: with a proxy, ready guests of promoted revisions are taken in at once. */
export function routeLoop(read: ResourceReader, hasProxy: () => boolean): Reconciler<Route> {
  const ofGuest = (guest: Guest, all: ResourceReader) =>
    all.list(Route, guest.metadata.namespace).map(({ metadata }) => metadata);
  return {
    kind: Route,
    watches: [
      watching(Guest, ofGuest),
      watching(Deployment, (one, all) => keys(all.list(Route, one.metadata.namespace))),
    ],
    async reconcile(pass) {
      if (!hasProxy()) return say(pass, 'False', 'Waiting');
      const { metadata, spec } = pass.resource;
      const promoted = read
        .list(Deployment, metadata.namespace)
        .filter((one) => one.spec.service === spec.service && one.status.promoted);
      const upstreams = promoted
        .flatMap((one) => read.ownedBy(Guest, one.metadata.uid).filter((guest) => takesRequests(one, guest)))
        .map((guest) => ({ guest: guest.metadata.name, address: `${guest.status.addresses[0]}:80` }));
      pass.status = {
        ...pass.status,
        proxy: 'edge',
        url: `https://${metadata.name}.example`,
        revision: Math.max(0, ...promoted.map((one) => one.spec.revision)),
        upstreams,
      };
      return say(pass, 'True', 'Settled');
    },
  };
}

/** Volumes in short: there, wherever they are asked for. */
export function volumeLoop(): Reconciler<Volume> {
  return { kind: Volume, reconcile: async (pass) => say(pass, 'True', 'Settled') };
}

function say<R extends Resource>(
  pass: Pass<R>,
  status: ConditionInput['status'],
  reason: ConditionInput['reason'],
  checkAfterMs?: number,
): Outcome {
  const at = { generation: pass.resource.metadata.generation, now: pass.now };
  const message = `It is ${reason}.`;
  pass.status.conditions = setCondition(pass.status.conditions, { type: 'Ready', status, reason, message }, at);
  return checkAfterMs === undefined ? settled() : waiting(reason, message, checkAfterMs);
}

function keys(objects: readonly Resource[]): Resource['metadata'][] {
  return objects.map(({ metadata }) => metadata);
}
