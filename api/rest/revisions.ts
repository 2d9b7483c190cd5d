import { childName } from '../../crds/child-name.ts';
import { Deployment } from '../../crds/deployment.ts';
import { API_VERSION, SERVICE_LABEL, type OwnerReference } from '../../crds/meta.ts';
import { Build } from '../../crds/build.ts';
import { Service } from '../../crds/service.ts';
import { isFault } from '../../controller/errors.ts';
import type { ApiContext } from '../context.ts';
import type { RestDeps } from './rest-deps.ts';
import { createObject, type FieldNames } from './write-object.ts';

/** So many may take the number of a revision before this one gets it. */
const TRIES = 20;

/** The revisions of a service that are kept, newest first. */
export async function revisionsOf({ store }: Pick<RestDeps, 'store'>, { metadata }: Service): Promise<Deployment[]> {
  const { namespace, name, uid } = metadata;
  const labels = [{ key: SERVICE_LABEL, operator: 'In' as const, values: [name] }];
  return (await store.list(Deployment, { namespace, labels })).items
    .filter((deployment) => serviceIdOf(deployment) === uid && deployment.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => b.spec.revision - a.spec.revision);
}

/** The uid of the service that something was made for. */
export function serviceIdOf({
  metadata,
}: {
  metadata: { ownerReferences?: OwnerReference[] | undefined };
}): string | undefined {
  return metadata.ownerReferences?.find(({ kind }) => kind === Service.kind)?.uid;
}

interface NewRevision {
  /** What was found by `revisionsOf`. */
  revisions: readonly Deployment[];
  /** The build to take again; without one the revision gets a build of its own. */
  build: string | undefined;
  spec: object;
}

/** Makes the next revision of a service: owned by it, with the first number that nobody has taken. */
export async function createRevision(
  context: ApiContext,
  deps: RestDeps,
  service: Service,
  { revisions, build, spec }: NewRevision,
  fields: FieldNames = {},
): Promise<Deployment> {
  const { namespace, name } = service.metadata;
  const highest = Math.max(service.status.latestRevision, revisions[0]?.spec.revision ?? 0);
  for (let revision = highest + 1; ; revision += 1) {
    const ownBuild = childName(name, `b${revision}`);
    // A build of this name that was made for something else would be taken for the revision's own.
    if (build === undefined && (await deps.store.get(Build, { namespace, name: ownBuild }))) continue;
    try {
      return await createObject(
        context,
        deps,
        Deployment,
        {
          namespace,
          name: childName(name, `r${revision}`),
          ...ownedBy(service),
          spec: { ...spec, service: name, revision, build: build ?? ownBuild },
        },
        fields,
      );
    } catch (error) {
      if (revision - highest >= TRIES || !isFault(error, 'AlreadyExists')) throw error;
    }
  }
}

/** Metadata of what goes when its service goes, and wakes its loop. */
export function ownedBy({ metadata }: Service): {
  labels: Record<string, string>;
  ownerReferences: readonly OwnerReference[];
} {
  const { name, uid } = metadata;
  return {
    labels: { [SERVICE_LABEL]: name },
    ownerReferences: [
      { apiVersion: API_VERSION, kind: Service.kind, name, uid, controller: true, blockOwnerDeletion: true },
    ],
  };
}
