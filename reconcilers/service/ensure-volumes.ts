import { setCondition, removeCondition, type Condition } from '../../crds/condition.ts';
import type { Deployment } from '../../crds/deployment.ts';
import { GROUP } from '../../crds/meta.ts';
import { quantityBytes } from '../../crds/quantity.ts';
import type { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { Resources } from '../../controller/reconciler.ts';
import { controlledBy } from '../shared/owner.ts';
import { troubleOf } from '../shared/trouble.ts';
import { volumeName, volumeOf } from './child-manifests.ts';

/** On a volume that was kept when its service let go of it: the name of that service. */
const RELEASED_FROM = `${GROUP}/released-from`;

type Mount = Service['spec']['volumes'][number];

/**
 * Keeps a Volume for each that the service names: made, taken back when an earlier service of the name left it, grown. One
 * that neither the spec nor a revision in use names is let go. Answers what people should know, if anything.
 */
export async function ensureVolumes(
  service: Service,
  inUse: readonly Deployment[],
  resources: Resources,
): Promise<VolumeTrouble | undefined> {
  const { metadata } = service;
  const wanted = wantedMounts(service, inUse, resources);
  let trouble: VolumeTrouble | undefined;
  for (const mount of wanted) trouble = (await ensureVolume(service, mount, resources)) ?? trouble;

  const names = new Set(wanted.map(({ name }) => volumeName(metadata.name, name)));
  for (const volume of resources.read.ownedBy(Volume, metadata.uid))
    if (!names.has(volume.metadata.name)) await letGo(volume, service, resources);
  return trouble;
}

/** Those of the spec, and as they are those that only a revision in use still names, such as a rollback. */
function wantedMounts({ metadata, spec }: Service, inUse: readonly Deployment[], { read }: Resources): Mount[] {
  const wanted = new Map(spec.volumes.map((mount) => [mount.name, mount]));
  for (const mount of inUse.flatMap(({ spec: { template } }) => template.volumes)) {
    if (wanted.has(mount.name)) continue;
    const volume = read.get(Volume, { namespace: metadata.namespace, name: volumeName(metadata.name, mount.name) });
    const { size, retain } = volume?.spec ?? mount;
    wanted.set(mount.name, { ...mount, size, retain });
  }
  return [...wanted.values()];
}

/** What is wrong with the volumes of a service. */
export interface VolumeTrouble {
  reason: Condition['reason'];
  message: string;
}

/** Deletes a volume, or releases it where it is to be kept: it is nobody's then, and its data stay. */
export async function letGo(volume: Volume, service: Service, { write }: Resources): Promise<void> {
  const { metadata, spec } = volume;
  if (metadata.deletionTimestamp !== undefined) return;
  if (!spec.retain) return write.delete(Volume, volume);
  const { guest: _, ...rest } = spec;
  await write.update(Volume, {
    ...volume,
    spec: rest,
    metadata: {
      ...metadata,
      ownerReferences: (metadata.ownerReferences ?? []).filter(({ uid }) => uid !== service.metadata.uid),
      labels: { ...metadata.labels, [RELEASED_FROM]: service.metadata.name },
    },
  });
}

/** The condition about volumes; none for a service without any. Pure. */
export function volumesCondition(
  conditions: Condition[],
  volumes: readonly Volume[],
  trouble: VolumeTrouble | undefined,
  at: { generation: number; now: Date },
): Condition[] {
  if (volumes.length === 0 && trouble === undefined) return removeCondition(conditions, 'VolumesReady');
  const held = trouble ?? volumes.map(troubleOf).find((found) => found !== undefined);
  return setCondition(
    conditions,
    held === undefined
      ? { type: 'VolumesReady', status: 'True', reason: 'Settled', message: 'The volumes are as the spec has them.' }
      : { type: 'VolumesReady', status: 'False', ...held },
    at,
  );
}

async function ensureVolume(
  service: Service,
  mount: Mount,
  { read, write }: Resources,
): Promise<VolumeTrouble | undefined> {
  const manifest = volumeOf(service, mount);
  const { namespace, name } = manifest.metadata;
  const volume = read.get(Volume, { namespace, name });
  if (!volume) {
    await write.create(Volume, manifest);
    return undefined;
  }
  if (volume.metadata.deletionTimestamp !== undefined)
    return { reason: 'Waiting', message: `The Volume ${name} is still being removed; it is made anew after that.` };
  const controller = controllerOf(volume);
  if (controller !== undefined && controller.uid !== service.metadata.uid) {
    const owner = `${controller.kind} ${controller.name}`;
    return { reason: 'Rejected', message: `The Volume ${name} belongs to ${owner}. Give the volume another name.` };
  }
  const isSmaller = quantityBytes(manifest.spec.size) < quantityBytes(volume.spec.size);
  const size = isSmaller ? volume.spec.size : manifest.spec.size;
  const retain = manifest.spec.retain;
  if (controller === undefined) {
    const { [RELEASED_FROM]: _, ...labels } = volume.metadata.labels ?? {};
    const ownerReferences = [...(volume.metadata.ownerReferences ?? []), controlledBy(service)];
    const metadata = { ...volume.metadata, ownerReferences, labels: { ...labels, ...manifest.metadata.labels } };
    await write.update(Volume, { ...volume, metadata, spec: { ...volume.spec, size, retain } });
  } else if (size !== volume.spec.size || retain !== volume.spec.retain) {
    await write.update(Volume, { ...volume, spec: { ...volume.spec, size, retain } });
  }
  if (!isSmaller) return undefined;
  const message = `The Volume ${name} has ${volume.spec.size} and cannot shrink to ${mount.size}. Set size of the volume "${mount.name}" in spec.volumes to ${volume.spec.size} or more.`;
  return { reason: 'ShrinkRefused', message };
}
