import { z } from 'zod';
import { conditionIs, findCondition } from '../../crds/condition.ts';
import type { Service, ServiceSpec } from '../../crds/service.ts';
import type { FieldNames } from './write-object.ts';

// What the contract says of a service, and where that is in the spec of a Service.

export const ServiceType = z.enum(['web', 'worker', 'database', 'cron']);
const Text = z.string().max(4096);

export const ServiceSource = z.strictObject({
  type: z.enum(['git', 'dockerfile', 'image']).optional(),
  repository: Text.optional(),
  branch: Text.optional(),
  root_directory: Text.optional(),
  dockerfile: Text.optional(),
  image: Text.optional(),
});
export type ServiceSource = z.output<typeof ServiceSource>;

export const BuildConfig = z.strictObject({
  builder_type: z.enum(['nixpacks', 'dockerfile', 'image']).optional(),
  build_command: Text.optional(),
  start_command: Text.optional(),
  environment_variables: z.record(z.string(), z.string()).optional(),
});
export type BuildConfig = z.output<typeof BuildConfig>;

export const ResourceConfig = z.strictObject({
  cpu: z.string().optional(),
  memory: z.string().optional(),
  storage: z.string().optional(),
});
export type ResourceConfig = z.output<typeof ResourceConfig>;

/** What a spec refuses, in the words of the contract. */
export const serviceFieldNames: FieldNames = {
  'spec.displayName': 'name',
  'spec.type': 'type',
  'spec.source': 'source',
  'spec.source.rootDirectory': 'source.root_directory',
  'spec.build': 'build_config',
  'spec.build.builder': 'build_config.builder_type',
  'spec.build.buildCommand': 'build_config.build_command',
  'spec.build.startCommand': 'build_config.start_command',
  'spec.build.environment': 'build_config.environment_variables',
  'spec.resources': 'resources',
};

/** The `source` of a spec. A type that is not stated is the one that the other fields speak of. */
export function toSource({ type, repository, branch, root_directory, dockerfile, image }: ServiceSource): object {
  return {
    type: type ?? (image === undefined ? 'git' : 'image'),
    repository,
    branch,
    ...(root_directory !== undefined && { rootDirectory: root_directory }),
    ...(dockerfile !== undefined && { dockerfile }),
    image,
  };
}

export function fromSource({
  type,
  repository,
  branch,
  rootDirectory,
  dockerfile,
  image,
}: ServiceSpec['source']): object {
  if (type === 'image') return { type, image };
  return { type, repository, branch, root_directory: rootDirectory, dockerfile };
}

/** What `build` becomes: what is not stated stays, and an empty command is none. */
export function toBuild(
  spec: Pick<ServiceSpec, 'source' | 'build'>,
  { builder_type, build_command, start_command, environment_variables }: BuildConfig,
): object {
  const { buildCommand, startCommand, ...build } = spec.build;
  return {
    ...build,
    // What was shown and comes back must not turn "choose for me" into a choice.
    ...(builder_type !== undefined && builder_type !== shownBuilder(spec) && { builder: builder_type }),
    buildCommand: commandOf(build_command, buildCommand),
    startCommand: commandOf(start_command, startCommand),
    ...(environment_variables !== undefined && { environment: environment_variables }),
  };
}

function commandOf(stated: string | undefined, before: string | undefined): string | undefined {
  if (stated === undefined) return before;
  return stated === '' ? undefined : stated;
}

export function fromBuild(spec: Pick<ServiceSpec, 'source' | 'build'>): object {
  const { buildCommand, startCommand, environment } = spec.build;
  return {
    builder_type: shownBuilder(spec),
    build_command: buildCommand,
    start_command: startCommand,
    environment_variables: environment,
  };
}

/** Undefined for what the contract has no word for: railpack, and a repository for which the builder is still to be chosen. */
function shownBuilder({ source, build }: Pick<ServiceSpec, 'source' | 'build'>): BuildConfig['builder_type'] {
  switch (build.builder) {
    case 'auto':
      return source.type === 'git' ? undefined : source.type;
    case 'railpack':
      return undefined;
    case 'nixpacks':
    case 'dockerfile':
    case 'image':
      return build.builder;
    default:
      return build.builder satisfies never;
  }
}

type ShownStatus = 'running' | 'stopped' | 'building' | 'failed';

/**
 * What a service does, in the four words of the contract. `failed` is what a person has to look at: nothing serves, or what
 * was asked for last did not come to serve. Whatever is still on its way is `building`.
 */
export function shownStatus({ metadata, spec, status }: Service): ShownStatus {
  const ready = findCondition(status.conditions, 'Ready')?.status;
  const isCurrent = status.observedGeneration === metadata.generation;
  if (spec.suspended || spec.replicas === 0) return 'stopped';
  if (isCurrent && conditionIs(status.conditions, 'Stalled', 'True') && ready !== 'True') return 'failed';
  switch (status.phase) {
    case 'Running':
      return ready === 'False' && status.replicas?.ready === 0 ? 'failed' : 'running';
    case 'Failed':
      return 'failed';
    case 'Stopped':
    case 'Suspended':
      return 'stopped';
    case undefined:
    case 'Pending':
    case 'Building':
    case 'Deploying':
      return 'building';
    default:
      return status.phase satisfies never;
  }
}
