import type { Service } from '../../crds/service.ts';
import { stableHash } from '../shared/stable-hash.ts';

/** Changes when a new image has to be built: the source, how it is built, or a restart asked for. */
export function buildHashOf({ source, build, region, restartedAt }: Service['spec']): string {
  const { startCommand: _, ...settings } = build;
  return stableHash({ source, settings, region, restartedAt });
}

/**
 * Changes when new guests are needed. Replicas, domains, suspension and the size of volumes are carried out on what is
 * there; how to roll out counts from the next revision on.
 */
export function templateHashOf(spec: Service['spec']): string {
  const { runtime, region, resources, ports, env, healthCheck, build } = spec;
  const volumes = spec.volumes.map(({ name, mountPath }) => ({ name, mountPath }));
  return stableHash({
    build: buildHashOf(spec),
    startCommand: build.startCommand,
    template: { runtime, region, resources, ports, env, healthCheck, volumes },
  });
}
