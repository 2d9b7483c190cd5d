import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { API_VERSION, DEPLOYMENT_LABEL, SERVICE_LABEL } from '../../crds/meta.ts';
import { Volume } from '../../crds/volume.ts';
import type { Pass, Resources } from '../../controller/reconciler.ts';
import { guestManifest } from '../shared/guest-manifest.ts';
import { controlledBy } from '../shared/owner.ts';
import { LEAVING_ANNOTATION } from '../shared/traffic.ts';
import type { GuestAction } from './guest-plan.ts';
import { preDeployName, volumeName, wantedNames, type DeploymentView } from './observe.ts';

/** Carries the actions out, each once: what is there already under its name is taken for it. */
export async function changeGuests(
  pass: Pass<Deployment>,
  { write }: Resources,
  actions: readonly GuestAction[],
): Promise<void> {
  for (const action of actions) {
    switch (action.do) {
      case 'make':
        await makeGuest(pass, write, action);
        break;
      case 'change':
        await write.update(Guest, changed(action));
        break;
      case 'remove':
        await write.delete(Guest, action.guest);
        break;
      default:
        action satisfies never;
    }
  }
}

async function makeGuest(
  { resource, status }: Pass<Deployment>,
  write: Resources['write'],
  { name, power }: Extract<GuestAction, { do: 'make' }>,
): Promise<void> {
  const { artifact } = status;
  const { service, template } = resource.spec;
  if (!artifact) return;
  const mounts = template.volumes.map((mount) => ({
    volume: volumeName(resource, mount.name),
    mountPath: mount.mountPath,
    readOnly: false,
  }));
  const labels = { [DEPLOYMENT_LABEL]: resource.metadata.name };
  await write.create(
    Guest,
    guestManifest({ owner: resource, service, name, artifact, template, labels, mounts, power }),
  );
}

function changed({ guest, power, leavingSince }: Extract<GuestAction, { do: 'change' }>): Guest {
  const { [LEAVING_ANNOTATION]: _, ...annotations } = guest.metadata.annotations ?? {};
  if (leavingSince !== undefined) annotations[LEAVING_ANNOTATION] = leavingSince;
  return { ...guest, metadata: { ...guest.metadata, annotations }, spec: { ...guest.spec, power } };
}

/** Writes down which guest is to have the volumes. Their own loop moves them once neither guest runs. */
export async function claimVolumes(
  { resource }: Pass<Deployment>,
  { write }: Resources,
  { volumes, desired }: DeploymentView,
): Promise<void> {
  const [guest] = wantedNames(resource, desired);
  if (guest === undefined) return;
  for (const volume of volumes) {
    if (volume.spec.guest === guest || volume.metadata.deletionTimestamp !== undefined) continue;
    await write.update(Volume, { ...volume, spec: { ...volume.spec, guest } });
  }
}

/** Asks for the run of the command before the rollout, with the new image and configuration and without the volumes. */
export async function askForCommand(pass: Pass<Deployment>, { write }: Resources): Promise<void> {
  const { resource, status } = pass;
  const { service, template } = resource.spec;
  if (!status.artifact || !template.preDeploy || status.preDeployJob !== undefined) return;
  const job = await write.create(Job, {
    apiVersion: API_VERSION,
    kind: Job.kind,
    metadata: {
      name: preDeployName(resource),
      namespace: resource.metadata.namespace,
      labels: { [SERVICE_LABEL]: service, [DEPLOYMENT_LABEL]: resource.metadata.name },
      ownerReferences: [controlledBy(resource)],
    },
    spec: Job.specSchema.parse({
      service,
      deployment: resource.metadata.name,
      artifact: status.artifact,
      template: { ...template, volumes: [] },
      trigger: 'pre-deploy',
      deadline: template.preDeploy.timeout,
    }),
  });
  pass.status.preDeployJob = job.metadata.name;
}
