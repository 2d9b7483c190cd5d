import type { Manifest } from '../../crds/define-kind.ts';
import type { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION, DEPLOYMENT_LABEL, SERVICE_LABEL } from '../../crds/meta.ts';
import type { Artifact } from '../../crds/workload.ts';
import { controlledBy } from '../shared/owner.ts';

/** The guest that a revision asks for. Secrets stay references; the guest's own loop reads them. Pure. */
export function guestManifest(deployment: Deployment, artifact: Artifact, name: string): Manifest<Guest['spec']> {
  const { metadata, spec } = deployment;
  const { template } = spec;
  const { process } = artifact;
  return {
    apiVersion: API_VERSION,
    kind: Guest.kind,
    metadata: {
      name,
      namespace: metadata.namespace,
      labels: { [SERVICE_LABEL]: spec.service, [DEPLOYMENT_LABEL]: metadata.name },
      ownerReferences: [controlledBy(deployment)],
    },
    spec: Guest.specSchema.parse({
      runtime: template.runtime,
      region: template.region,
      spreadKey: `${metadata.namespace}/${spec.service}`,
      hostname: name,
      artifact,
      process: {
        command: template.startCommand === undefined ? process.command : ['/bin/sh', '-c', template.startCommand],
        workingDir: process.workingDir === '' ? '/' : process.workingDir,
        user: process.user,
        stopSignal: process.stopSignal === '' ? 'SIGTERM' : process.stopSignal,
        stopTimeout: template.rollout.drain,
      },
      resources: template.resources,
      env: template.env,
      ports: template.ports.length > 0 ? template.ports : exposedPorts(artifact),
      healthCheck: template.healthCheck,
    }),
  };
}

/** A service that names no ports has those that its image exposes. */
function exposedPorts({ exposedPorts: exposed }: Artifact): { name: string; port: number }[] {
  return exposed
    .filter((text) => text.endsWith('/tcp'))
    .map((text) => Number(text.replace('/tcp', '')))
    .filter((port) => Number.isInteger(port) && port > 0 && port < 65_536)
    .map((port) => ({ name: `p${port}`, port }));
}
