import { Build } from '../../crds/build.ts';
import { conditionIs } from '../../crds/condition.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { childName } from '../shared/child-name.ts';
import type { DeploymentFacts } from './machine.ts';

/** What the store says around one deployment. */
export interface DeploymentView {
  build: Build | undefined;
  /** As many as the Service asks for now; 0 when it is suspended or going. */
  desired: number;
  guests: readonly Guest[];
  facts: DeploymentFacts;
}

/** Reads only the cache: all that a deployment goes by is in the store. */
export function observeDeployment(
  deployment: Deployment,
  status: Deployment['status'],
  read: ResourceReader,
): DeploymentView {
  const { metadata, spec } = deployment;
  const { namespace } = metadata;
  const build = read.get(Build, { namespace, name: spec.build });
  const service = read.get(Service, { namespace, name: spec.service });
  const guests = read.ownedBy(Guest, metadata.uid);
  const desired = service && !service.spec.suspended ? service.spec.replicas : 0;
  const wanted = wantedNames(deployment, desired).map((name) => guests.find((guest) => guest.metadata.name === name));
  const siblings = siblingsOf(deployment, read).filter((other) => other.metadata.uid !== metadata.uid);

  return {
    build,
    desired,
    guests,
    facts: {
      build: buildFact(build),
      guests: wanted.every((guest) => guest !== undefined && isRunning(guest)) ? 'running' : 'missing',
      healthy: wanted.every((guest) => guest !== undefined && isReady(guest)),
      promoted: status.promoted,
      predecessors: siblings
        .filter((other) => other.spec.revision < spec.revision)
        .reduce((count, other) => count + read.ownedBy(Guest, other.metadata.uid).length, 0),
      newer: newerFact(
        siblings.filter(
          (other) => other.spec.revision > spec.revision && other.metadata.deletionTimestamp === undefined,
        ),
      ),
    },
  };
}

/** All revisions of the service: by its uid, which is quick however many services there are. */
function siblingsOf(deployment: Deployment, read: ResourceReader): readonly Deployment[] {
  const owner = controllerOf(deployment);
  return owner ? read.ownedBy(Deployment, owner.uid) : [];
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

function newerFact(newer: readonly Deployment[]): DeploymentFacts['newer'] {
  const promoted = newer.find(({ status }) => status.promoted);
  if (promoted) return promoted.spec.rollbackOf === undefined ? 'promoted' : 'rollback';
  return newer.length > 0 ? 'waiting' : 'none';
}
