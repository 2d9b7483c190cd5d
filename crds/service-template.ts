import type { DeploymentTemplate } from './deployment.ts';
import type { ServiceSpec } from './service.ts';

/** What a revision takes over of what its Service says now. Pure. */
export function templateOf(spec: ServiceSpec): DeploymentTemplate {
  const { runtime, region, resources, ports, env, healthCheck, volumes, build, rollout, preDeploy } = spec;
  // A volume has one guest at a time: the one before has to go first.
  const strategy = volumes.length > 0 ? 'Recreate' : rollout.strategy;
  return {
    runtime,
    region,
    resources,
    ports,
    env,
    healthCheck,
    volumes,
    startCommand: build.startCommand,
    rollout: { ...rollout, strategy },
    preDeploy,
  };
}
