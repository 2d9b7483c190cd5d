import type { Manifest, Resource } from '../../crds/define-kind.ts';
import type { DeploymentTemplate } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION, SERVICE_LABEL } from '../../crds/meta.ts';
import type { Artifact, GuestProcess } from '../../crds/workload.ts';
import { commandLine } from './command-line.ts';
import { controlledBy } from './owner.ts';

/** What a guest is made from, whoever asks for it. */
export interface GuestRequest {
  /** The object that the guest belongs to, and goes with. */
  owner: Resource;
  /** Name of the Service. */
  service: string;
  /** Of the Guest object, and its host name. */
  name: string;
  artifact: Artifact;
  template: DeploymentTemplate;
  /** Besides the label of the Service. */
  labels?: Record<string, string>;
  restart?: GuestProcess['restart'];
  mounts?: Guest['spec']['mounts'];
  power?: Guest['spec']['power'];
  /** A guest that serves nobody has neither ports nor a health check; a job. */
  serves?: boolean;
}

/** The Guest that a revision or a job asks for. Secrets stay references; the guest's own loop reads them. Pure. */
export function guestManifest(request: GuestRequest): Manifest<Guest['spec']> {
  const {
    owner,
    service,
    name,
    artifact,
    template,
    labels = {},
    restart = 'Always',
    mounts = [],
    power = 'running',
  } = request;
  const { namespace } = owner.metadata;
  const { process } = artifact;
  const { serves = true } = request;
  return {
    apiVersion: API_VERSION,
    kind: Guest.kind,
    metadata: {
      name,
      namespace,
      labels: { [SERVICE_LABEL]: service, ...labels },
      ownerReferences: [controlledBy(owner)],
    },
    spec: Guest.specSchema.parse({
      runtime: template.runtime,
      region: template.region,
      spreadKey: `${namespace}/${service}`,
      hostname: name,
      artifact,
      process: {
        command: template.startCommand === undefined ? process.command : commandLine(template.startCommand),
        workingDir: process.workingDir === '' ? '/' : process.workingDir,
        user: process.user,
        stopSignal: process.stopSignal === '' ? 'SIGTERM' : process.stopSignal,
        stopTimeout: template.rollout.drain,
        restart,
      },
      resources: template.resources,
      env: template.env,
      mounts,
      power,
      ...(serves && {
        ports: template.ports.length > 0 ? template.ports : exposedPorts(artifact),
        healthCheck: template.healthCheck,
      }),
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
