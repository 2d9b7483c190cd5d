import type { Deployment } from '../../crds/deployment.ts';
import type { Service } from '../../crds/service.ts';
import { stableHash } from '../shared/stable-hash.ts';

/** What a service loop does next. */
export type ServicePlan =
  | { do: 'nothing' }
  | { do: 'unsupported'; message: string }
  /** Record a new revision; `rebuild` when the image has to be made too. */
  | { do: 'newRevision'; templateHash: string; rebuild: boolean }
  /** The newest revision is recorded, but its Build or Deployment is not there: a crash came between. */
  | { do: 'createBuild' }
  | { do: 'createDeployment' }
  | { do: 'prune'; deployments: readonly Deployment[] };

interface PlanInput {
  service: Service;
  status: Service['status'];
  buildExists: boolean;
  deploymentExists: boolean;
  /** All of the service's, newest first. */
  deployments: readonly Deployment[];
}

/** Revisions that ended and are kept for looking back and rolling back. */
const KEPT_REVISIONS = 10;

/** The first thing that differs between what is asked for and what is recorded. Pure. */
export function planService({ service, status, buildExists, deploymentExists, deployments }: PlanInput): ServicePlan {
  const unsupported = unsupportedIn(service.spec);
  if (unsupported !== undefined) return { do: 'unsupported', message: unsupported };

  const templateHash = templateHashOf(service.spec);
  if (status.templateHash !== templateHash) {
    return { do: 'newRevision', templateHash, rebuild: status.buildHash !== buildHashOf(service.spec) };
  }
  if (!buildExists) return { do: 'createBuild' };
  if (!deploymentExists) return { do: 'createDeployment' };

  const ended = deployments.filter(({ metadata, status: { phase } }) => {
    const isOver = phase === 'Superseded' || phase === 'RolledBack' || phase === 'Failed';
    return isOver && metadata.name !== status.latestDeployment && metadata.deletionTimestamp === undefined;
  });
  const surplus = ended.slice(KEPT_REVISIONS);
  return surplus.length > 0 ? { do: 'prune', deployments: surplus } : { do: 'nothing' };
}

/** Changes when a new image has to be built: the source, how it is built, or a restart asked for. */
export function buildHashOf({ source, build, region, restartedAt }: Service['spec']): string {
  const { startCommand: _, ...settings } = build;
  return stableHash({ source, settings, region, restartedAt });
}

/** Changes when new guests are needed. Replicas, domains and suspension are carried out on those that run. */
export function templateHashOf(spec: Service['spec']): string {
  const { runtime, region, resources, ports, env, healthCheck, volumes, build } = spec;
  return stableHash({
    build: buildHashOf(spec),
    startCommand: build.startCommand,
    template: { runtime, region, resources, ports, env, healthCheck, volumes },
  });
}

/** What the schema knows and this version does not carry out yet: said plainly, instead of half done. */
function unsupportedIn({ type, runtime, volumes, env, build, rollout }: Service['spec']): string | undefined {
  if (type === 'cron') return 'spec.type "cron" is not carried out yet; use web or worker.';
  if (runtime === 'vm') return 'spec.runtime "vm" is not carried out yet; use lxc.';
  if (volumes.length > 0) return 'spec.volumes are not carried out yet; remove them, or keep the data elsewhere.';
  if (rollout.strategy === 'Recreate') return 'spec.rollout.strategy "Recreate" is not carried out yet; use Rolling.';
  if (build.builder === 'railpack' || build.builder === 'nixpacks') {
    return `spec.build.builder "${build.builder}" is not carried out yet; use a Dockerfile.`;
  }
  if (build.buildCommand !== undefined)
    return 'spec.build.buildCommand is not carried out yet; put the command into the Dockerfile.';
  const reference = env.find(({ valueFrom }) => valueFrom !== undefined && valueFrom.secretRef === undefined);
  if (reference) return `env ${reference.name}: only values and secretRef are carried out yet.`;
  return undefined;
}
