import type { Backup } from '../../crds/backup.ts';
import { Build } from '../../crds/build.ts';
import type { Manifest } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION } from '../../crds/meta.ts';
import type { Volume } from '../../crds/volume.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { SUPERVISOR_PATH, treeCommands } from '../shared/backup-commands.ts';
import { childName } from '../shared/child-name.ts';
import { controlledBy } from '../shared/owner.ts';

/** Name of the guest in which a volume is filled. Pure. */
export function fillerName({ metadata }: Volume): string {
  return childName(metadata.name, `fill-${metadata.uid.slice(0, 8)}`);
}

/** A held guest that has the volume where the backup had it; of its image nothing runs but the supervisor. Undefined without any image. */
export function fillerGuest(volume: Volume, backup: Backup, read: ResourceReader): Manifest<Guest['spec']> | undefined {
  const { namespace } = volume.metadata;
  const models = [...read.list(Guest, namespace), ...read.list(Guest)].map(({ spec }) => spec.artifact);
  const builds = [...read.list(Build, namespace), ...read.list(Build)].flatMap(({ status }) => status.artifact ?? []);
  const [artifact] = [...models, ...builds];
  if (!artifact) return undefined;
  const name = fillerName(volume);
  const mountPath = backup.status.origin?.mountPath ?? '/data';
  return {
    apiVersion: API_VERSION,
    kind: Guest.kind,
    metadata: { name, namespace, ownerReferences: [controlledBy(volume)] },
    spec: Guest.specSchema.parse({
      region: volume.spec.region,
      hostname: name,
      artifact,
      process: { command: [SUPERVISOR_PATH], restart: 'Always' },
      mounts: [{ volume: volume.metadata.name, mountPath }],
      commands: treeCommands(mountPath),
      hold: true,
    }),
  };
}
