import type { ServiceSpec } from './service.ts';

/** What of a spec an image is built from. A change of it needs a build. Pure. */
export function buildInputsOf({ source, build, region, restartedAt }: ServiceSpec): object {
  const { startCommand: _, ...settings } = build;
  return { source, settings, region, restartedAt };
}

/**
 * What of a spec guests are made from besides the image. A change of it needs new guests; replicas, domains, suspension and the
 * size of volumes are carried out on what is there. Pure.
 */
export function guestInputsOf(spec: ServiceSpec): { startCommand: string | undefined; template: object } {
  const { runtime, region, resources, ports, env, healthCheck, build } = spec;
  const volumes = spec.volumes.map(({ name, mountPath }) => ({ name, mountPath }));
  return {
    startCommand: build.startCommand,
    template: { runtime, region, resources, ports, env, healthCheck, volumes },
  };
}
