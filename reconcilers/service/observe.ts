import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { Route } from '../../crds/route.ts';
import type { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { adoptRevision, newestOf } from './adopt.ts';
import type { ServiceView } from './report.ts';

/** What the store says around one service. */
export interface Surroundings extends ServiceView {
  /** All revisions, newest first. */
  deployments: readonly Deployment[];
  newest: Deployment | undefined;
  /** Scheduled runs. */
  jobs: readonly Job[];
  volumes: readonly Volume[];
}

/** Reads the cache; answers the status with the newest revision taken over as well. */
export function observeService(
  { metadata, status: stored }: Service,
  read: ResourceReader,
): { status: Service['status']; view: Surroundings } {
  const { namespace, name, uid } = metadata;
  const deployments = [...read.ownedBy(Deployment, uid)].sort((a, b) => b.spec.revision - a.spec.revision);
  const newest = newestOf(deployments);
  const status = adoptRevision(stored, newest);
  const active = deployments.find((deployment) => deployment.status.promoted);
  const route = read.get(Route, { namespace, name });
  return {
    status,
    view: {
      deployments,
      newest,
      active,
      latest: newest?.metadata.name === status.latestDeployment ? newest : undefined,
      build: status.latestBuild === undefined ? undefined : read.get(Build, { namespace, name: status.latestBuild }),
      guests: active ? read.ownedBy(Guest, active.metadata.uid) : [],
      route: route && controllerOf(route)?.uid === uid ? route : undefined,
      jobs: read.ownedBy(Job, uid).filter(({ spec }) => spec.trigger === 'schedule'),
      volumes: read.ownedBy(Volume, uid),
    },
  };
}
