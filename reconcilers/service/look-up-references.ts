import type { Deployment } from '../../crds/deployment.ts';
import type { Service } from '../../crds/service.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { differs, planFollowing, recordReferences, type Following } from './follow-references.ts';
import { hasReferences, isInCircle, readReferences, type References } from './references.ts';
import type { Sightings } from './sightings.ts';

type Recorded = Service['status']['references'];

/** How a service stands to what its environment refers to. */
export interface ReferenceView {
  /** What the references of the spec come to, and those of the newest revision, which may be older. */
  ofSpec: References;
  ofNewest: References;
  recorded: Recorded;
  following: Following;
}

/** Looks up the references of a service. What a revision that is new to us came to is taken as it is found. */
export function lookUpReferences(
  service: Service,
  newest: Deployment | undefined,
  read: ResourceReader,
  sightings: Sightings,
  now: Date,
): ReferenceView {
  const { metadata, spec, status } = service;
  const place = { namespace: metadata.namespace, known: status.references?.endpoints ?? {} };
  const env = newest?.spec.template.env ?? [];
  const ofNewest = readReferences(env, place, read);
  const ofSpec = readReferences(spec.env, place, read);
  const settled = (recorded: Recorded): ReferenceView => {
    sightings.clear(metadata.uid);
    return { ofSpec, ofNewest, recorded, following: { do: 'nothing' } };
  };

  if (!hasReferences(env)) return settled(undefined);
  const { references: recorded } = status;
  if (recorded === undefined || newest?.metadata.name !== status.latestDeployment)
    return settled(recordReferences(recorded, ofNewest));
  if (!differs(recorded, ofNewest)) return settled(recorded);
  const following = planFollowing({
    recorded,
    current: ofNewest,
    isInCircle: (name) => isInCircle(service, name, read),
    sighting: sightings.note(metadata.uid, ofNewest, now),
    now,
  });
  return { ofSpec, ofNewest, recorded, following };
}
