import type { Guest } from '../../crds/guest.ts';
import { SERVICE_LABEL } from '../../crds/meta.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { GuestIdentity } from './guest-marks.ts';

/** What is written on a guest of ours. Pure. */
export function identityOf({ metadata, spec }: Guest, installation: string): GuestIdentity {
  const { uid, name, namespace: project = '' } = metadata;
  return {
    installation,
    uid,
    kind: 'Guest',
    project,
    name,
    owner: ownerName(metadata),
    archive: spec.artifact.digest,
    volumes: Object.fromEntries(spec.mounts.map(({ volume, mountPath }) => [mountPath, volume])),
  };
}

/** Revisions come and go, and count from one again in a new store: their service stays. */
function ownerName(metadata: Guest['metadata']): string | undefined {
  const owner = controllerOf({ metadata });
  const service = metadata.labels?.[SERVICE_LABEL];
  if (owner?.kind === 'Deployment' && service !== undefined) return `Service/${service}`;
  return owner && `${owner.kind}/${owner.name}`;
}
