import { Build } from '../../crds/build.ts';
import { conditionIs } from '../../crds/condition.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { Route } from '../../crds/route.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { childName } from '../shared/child-name.ts';
import { takesRequests } from '../shared/traffic.ts';
import { isTakingOver, type DeploymentFacts } from './machine.ts';

/** What the store says around one deployment. */
export interface DeploymentView {
  build: Build | undefined;
  service: Service | undefined;
  /** The command before the rollout, once it was asked for. */
  job: Job | undefined;
  /** Only when a proxy carries it. */
  route: Route | undefined;
  volumes: readonly Volume[];
  /** As many as the Service asks for now; 0 when it is suspended, on a schedule, or going. */
  desired: number;
  /** As many of those as may be there by now: while others serve, only so many as may surge. */
  batch: number;
  guests: readonly Guest[];
  /** A newer revision that replaces the guests at once has these stopped meanwhile. */
  standsDown: boolean;
  /** While a newer revision takes over guest by guest: so many of these are still needed. */
  needed: number | undefined;
  /** No guest runs that these may not run beside. */
  clear: boolean;
  /** How far the guests are, all together; see `keepTime`. */
  progress: number;
  facts: DeploymentFacts;
}

interface Revision {
  deployment: Deployment;
  guests: readonly Guest[];
}

/** Reads only the cache: all that a deployment goes by is in the store. */
export function observeDeployment(
  deployment: Deployment,
  status: Deployment['status'],
  read: ResourceReader,
): DeploymentView {
  const { metadata, spec } = deployment;
  const { namespace } = metadata;
  const service = read.get(Service, { namespace, name: spec.service });
  const route = read.get(Route, { namespace, name: spec.service });
  const proxied = route?.status.proxy === undefined ? undefined : route;
  const build = read.get(Build, { namespace, name: spec.build });
  const job = read.get(Job, { namespace, name: preDeployName(deployment) });
  const guests = read.ownedBy(Guest, metadata.uid);
  const others = revisionsBeside(deployment, read);
  const older = others.filter((other) => other.deployment.spec.revision < spec.revision);
  const newer = others.filter(({ deployment: { metadata: about, spec: other } }) => {
    return other.revision > spec.revision && about.deletionTimestamp === undefined;
  });

  const recreate = isRecreate(deployment);
  const desired = desiredOf(deployment, service);
  const staying = older.flatMap((other) => other.guests).filter(stays).length;
  const surge = desired + spec.template.rollout.maxSurge - staying;
  const batch = recreate ? desired : Math.max(0, Math.min(desired, Math.max(surge, guests.filter(stays).length)));
  const find = (name: string): Guest | undefined => guests.find((guest) => guest.metadata.name === name);
  const wanted = wantedNames(deployment, desired).map(find);
  const present = wanted.slice(0, batch);
  const isEnough = batch > 0 || desired === 0;

  return {
    build,
    service,
    job,
    route: proxied,
    volumes: spec.template.volumes.flatMap(
      ({ name }) => read.get(Volume, { namespace, name: volumeName(deployment, name) }) ?? [],
    ),
    desired,
    batch,
    guests,
    standsDown: newer.some(({ deployment: other }) => isRecreate(other) && isTakingOver(other.status.machine?.state)),
    needed: neededBeside(newer, desired, proxied),
    clear: isClear(recreate, isServing(status) ? newer : [...older, ...newer]),
    progress: wanted.reduce((sum, guest) => sum + stageOf(guest), 0),
    facts: {
      build: buildFact(build),
      preDeploy: preDeployFact(deployment, status, job),
      recreate,
      prepared: older.every((other) => other.guests.length === 0) || wanted.every((guest) => guest?.status.created),
      guests: isEnough && present.every((guest) => guest !== undefined && isRunning(guest)) ? 'running' : 'missing',
      healthy: present.every((guest) => guest !== undefined && isReady(guest)),
      complete: wanted.every((guest) => guest !== undefined && isReady(guest)),
      taken: isTaken(deployment, desired, guests, proxied),
      predecessors: older.reduce((count, other) => count + other.guests.length, 0),
      newer: newerFact(newer.map((other) => other.deployment)),
      paused: service?.spec.rollout.paused === true,
    },
  };
}

/** Guests of the revision before must not run beside those of this one: as asked, or because they share volumes. */
export function isRecreate({ spec: { template } }: Deployment): boolean {
  return template.rollout.strategy === 'Recreate' || template.volumes.length > 0;
}

/** What the Job of a revision's command before the rollout is called: one a revision, whatever crashes. */
export function preDeployName({ metadata }: Deployment): string {
  return childName(metadata.name, 'pre');
}

/** What the Volume of a mount is called: that of the Service, the same for all of its revisions. */
export function volumeName({ spec }: Deployment, name: string): string {
  return childName(spec.service, name);
}

/** What the guests of a deployment are called, lowest index first: a guest that is lost is replaced under its name. */
export function wantedNames({ metadata }: Deployment, count: number): string[] {
  return Array.from({ length: count }, (_, index) => childName(metadata.name, String(index)));
}

export function isReady(guest: Guest): boolean {
  return guest.metadata.deletionTimestamp === undefined && conditionIs(guest.status.conditions, 'Ready', 'True');
}

function isRunning(guest: Guest): boolean {
  return guest.metadata.deletionTimestamp === undefined && guest.status.power === 'running';
}

function stays({ metadata }: Guest): boolean {
  return metadata.deletionTimestamp === undefined;
}

/** A volume is in one guest at a time, so there is one guest. */
function desiredOf({ spec: { template } }: Deployment, service: Service | undefined): number {
  if (!service || service.spec.suspended || service.spec.type === 'cron') return 0;
  return template.volumes.length > 0 ? Math.min(1, service.spec.replicas) : service.spec.replicas;
}

/** All other revisions of the service: by its uid, which is quick however many services there are. */
function revisionsBeside(deployment: Deployment, read: ResourceReader): Revision[] {
  const owner = controllerOf(deployment);
  if (!owner) return [];
  return read
    .ownedBy(Deployment, owner.uid)
    .filter(({ metadata }) => metadata.uid !== deployment.metadata.uid)
    .map((other) => ({ deployment: other, guests: read.ownedBy(Guest, other.metadata.uid) }));
}

/** How many guests are needed beside those of a newer revision that take requests already; undefined when none takes over. */
function neededBeside(newer: readonly Revision[], desired: number, route: Route | undefined): number | undefined {
  const rival = newer.find(({ deployment: { status } }) => status.promoted && status.machine?.state === 'Promoting');
  if (!rival) return undefined;
  const listed = route?.status.upstreams.map(({ guest }) => guest);
  const serving = rival.guests.filter(
    (guest) => takesRequests(rival.deployment, guest) && (listed?.includes(guest.metadata.name) ?? true),
  );
  return Math.max(0, desired - serving.length);
}

/** A revision that serves has nothing to fear from older ones: they were stopped before it began. */
function isServing(status: Deployment['status']): boolean {
  const state = status.machine?.state;
  return state === 'Draining' || state === 'Active';
}

function isClear(recreate: boolean, others: readonly Revision[]): boolean {
  return others.every(
    (other) => !(recreate || isRecreate(other.deployment)) || other.guests.every((guest) => isConfirmedStopped(guest)),
  );
}

/** Nobody starts it any more, and it was seen not to run since that was decided. One that is going counts until it is gone. */
function isConfirmedStopped({ metadata, spec, status }: Guest): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    spec.power === 'stopped' &&
    status.observedGeneration === metadata.generation &&
    status.power !== 'running' &&
    status.power !== 'unknown' &&
    status.task === undefined
  );
}

function stageOf(guest: Guest | undefined): number {
  if (!guest) return 0;
  if (isReady(guest)) return 4;
  if (isRunning(guest)) return 3;
  return guest.status.created ? 2 : 1;
}

/** The proxy has acknowledged that requests go to this revision; without a proxy there is nobody to wait for. */
function isTaken({ spec }: Deployment, desired: number, guests: readonly Guest[], route: Route | undefined): boolean {
  if (!route || desired === 0) return true;
  const own = new Set(guests.map(({ metadata }) => metadata.name));
  return route.status.revision === spec.revision && route.status.upstreams.some(({ guest }) => own.has(guest));
}

function buildFact(build: Build | undefined): DeploymentFacts['build'] {
  switch (build?.status.phase) {
    case undefined:
      return build ? 'running' : 'absent';
    case 'Succeeded':
      return 'succeeded';
    case 'Failed':
    case 'Cancelled':
      return 'failed';
    default:
      return 'running';
  }
}

/** A Job that was asked for and is gone failed: whether it ran is not known, and it must not run twice. */
function preDeployFact(
  { spec }: Deployment,
  status: Deployment['status'],
  job: Job | undefined,
): DeploymentFacts['preDeploy'] {
  if (spec.template.preDeploy === undefined || spec.rollbackOf !== undefined) return 'none';
  switch (job?.status.phase) {
    case 'Succeeded':
      return 'succeeded';
    case 'Failed':
    case 'Cancelled':
      return 'failed';
    default:
      return job === undefined && status.preDeployJob !== undefined ? 'failed' : 'running';
  }
}

/** The first of the newer ones that is through with its takeover is the one that replaced this. */
function newerFact(newer: readonly Deployment[]): DeploymentFacts['newer'] {
  const [successor] = newer
    .filter(({ status }) => status.promoted && status.phase !== 'Promoting')
    .toSorted((a, b) => a.spec.revision - b.spec.revision);
  if (successor) return successor.spec.rollbackOf === undefined ? 'promoted' : 'rollback';
  return newer.length > 0 ? 'waiting' : 'none';
}
