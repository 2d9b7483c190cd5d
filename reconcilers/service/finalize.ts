import { Build } from '../../crds/build.ts';
import { findCondition } from '../../crds/condition.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Job } from '../../crds/job.ts';
import { Route } from '../../crds/route.ts';
import type { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Resources } from '../../controller/reconciler.ts';
import { troubleOf } from '../shared/trouble.ts';
import { letGo } from './ensure-volumes.ts';

/** Takes down what belongs to a service, what uses something before what is used. Volumes that are kept stay as nobody's. */
export async function finalizeService(service: Service, resources: Resources): Promise<Outcome> {
  const { uid } = service.metadata;
  return (
    (await remove(Route, uid, 'Waiting for the route to go.', resources)) ??
    (await remove(Deployment, uid, 'Waiting for the revisions to go.', resources)) ??
    (await remove(Job, uid, 'Waiting for the runs to go.', resources)) ??
    (await leaveVolumes(service, resources)) ??
    (await remove(Build, uid, 'Waiting for the builds to go.', resources)) ??
    settled()
  );
}

/** Undefined when there are none left. */
async function remove<R extends Resource>(
  kind: Kind<R>,
  owner: string,
  usual: string,
  { read, write }: Resources,
): Promise<Outcome | undefined> {
  for (const child of read.ownedBy(kind, owner))
    if (child.metadata.deletionTimestamp === undefined) await write.delete(kind, child);
  return leaving(read.ownedBy(kind, owner), usual);
}

async function leaveVolumes(service: Service, resources: Resources): Promise<Outcome | undefined> {
  const { uid } = service.metadata;
  for (const volume of resources.read.ownedBy(Volume, uid)) await letGo(volume, service, resources);
  return leaving(resources.read.ownedBy(Volume, uid), 'Waiting for the volumes to go.');
}

/** What keeps something from going, in its own words. */
function leaving(children: readonly Resource[], usual: string): Outcome | undefined {
  if (children.length === 0) return undefined;
  const words = children.map(({ status }) => findCondition(status.conditions, 'Reconciling'));
  const held = words.find((condition) => condition?.status === 'True' && condition.reason === 'WaitingForChildren');
  const trouble = children.map(troubleOf).find((found) => found !== undefined);
  return waiting('WaitingForChildren', trouble?.message ?? held?.message ?? usual, 15_000);
}
