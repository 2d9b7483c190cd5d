import { Guest } from '../../crds/guest.ts';
import type { Job } from '../../crds/job.ts';
import { Volume } from '../../crds/volume.ts';
import type { Resources } from '../../controller/reconciler.ts';
import { childName } from '../shared/child-name.ts';

/** What the guest of a run mounts. The command before a rollout has no volumes: the serving guest has them. Pure. */
export function mountsOf({ spec }: Job): Guest['spec']['mounts'] {
  if (spec.trigger === 'pre-deploy') return [];
  return spec.template.volumes.map(({ name, mountPath }) => ({
    volume: childName(spec.service, name),
    mountPath,
    readOnly: false,
  }));
}

/** Asks for the volumes of a run, unless another guest still has one; answers the name of that guest. */
export async function claimVolumes(job: Job, guest: string, { read, write }: Resources): Promise<string | undefined> {
  const { namespace } = job.metadata;
  const volumes = mountsOf(job).flatMap(({ volume: name }) => read.get(Volume, { namespace, name }) ?? []);
  for (const { spec } of volumes) {
    const isTaken = spec.guest !== guest && read.get(Guest, { namespace, name: spec.guest ?? '' }) !== undefined;
    if (isTaken) return spec.guest;
  }
  for (const volume of volumes)
    if (volume.spec.guest !== guest) await write.update(Volume, { ...volume, spec: { ...volume.spec, guest } });
  return undefined;
}
