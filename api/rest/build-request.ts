import { z } from 'zod';
import type { Build } from '../../crds/build.ts';
import { EnvName, EnvText } from '../../crds/names.ts';
import { Service } from '../../crds/service.ts';
import { CommitId, GitRef } from '../../crds/workload.ts';
import { localSource } from './local-source.ts';
import type { RestDeps } from './rest-deps.ts';
import { invalidFields, type RestError } from './rest-error.ts';
import type { FieldNames } from './write-object.ts';

const Text = z.string().max(4096);
const Variables = z.record(EnvName, EnvText);

export const StartBuild = z.strictObject({
  build_type: z.enum(['railpack', 'nixpacks', 'dockerfile', 'prebuilt']).optional(),
  source_path: Text.min(1).optional(),
  prebuilt_image: Text.min(1).optional(),
  image_name: Text,
  image_tag: Text,
  registry_url: Text.optional(),
  build_command: Text.optional(),
  start_command: Text.optional(),
  environment: Variables.optional(),
  build_args: Variables.optional(),
  labels: z.record(z.string(), z.string()).optional(),
  project_id: z.string().optional(),
  service_id: z.string().optional(),
  branch: GitRef.optional(),
  commit: CommitId.optional(),
});
export type StartBuild = z.output<typeof StartBuild>;

/** What a Build refuses, in the words of the contract. */
export const buildFieldNames: FieldNames = {
  'spec.image.name': 'image_name',
  'spec.image.tag': 'image_tag',
  'spec.image.labels': 'labels',
  'spec.image.registry': 'registry_url',
  'spec.settings.buildCommand': 'build_command',
  'spec.settings.startCommand': 'start_command',
  'spec.settings.environment': 'environment',
  'spec.settings.args': 'build_args',
  'spec.source.image': 'prebuilt_image',
  'spec.source.branch': 'branch',
  'spec.source.commit': 'commit',
};

/** The spec of the Build that is asked for. A service brings its source and settings, which the request goes over. */
export async function buildSpec(
  deps: RestDeps,
  asked: StartBuild,
  { namespace, service }: { namespace: string; service: Service | undefined },
): Promise<object> {
  const { image_name: name, image_tag: tag, labels, registry_url: registry } = asked;
  const { startCommand: _, ...usual } = service?.spec.build ?? {};
  return {
    service: service?.metadata.name,
    source: await sourceOf(deps, asked, { namespace, service }),
    settings: {
      ...usual,
      ...(asked.build_type !== undefined && { builder: builderOf(asked.build_type) }),
      ...(asked.build_command && { buildCommand: asked.build_command }),
      ...(asked.start_command && { startCommand: asked.start_command }),
      ...(asked.environment && { environment: asked.environment }),
      ...(asked.build_args && { args: asked.build_args }),
    },
    region: service?.spec.region,
    image: { name, tag, labels, registry },
  };
}

function builderOf(type: NonNullable<StartBuild['build_type']>): Build['spec']['settings']['builder'] {
  return type === 'prebuilt' ? 'image' : type;
}

type Source = Partial<Build['spec']['source']>;

async function sourceOf(
  deps: RestDeps,
  asked: StartBuild,
  where: { namespace: string; service: Service | undefined },
): Promise<Source> {
  const { build_type: type, prebuilt_image: image, source_path: path, branch, commit } = asked;
  const own = where.service?.spec.source;
  if (image !== undefined || type === 'prebuilt') return prebuilt(asked, own);
  const from = path === undefined ? await repositorySource(deps, where) : await localSourceOf(deps, path);
  const { commit: held, ...source } = from;
  const chosen = commit ?? (branch === undefined ? held : undefined);
  return {
    ...source,
    type: type === 'dockerfile' ? 'dockerfile' : (source.type ?? 'git'),
    ...(branch !== undefined && { branch }),
    ...(chosen !== undefined && { commit: chosen }),
  };
}

function prebuilt({ build_type, prebuilt_image, source_path }: StartBuild, own: Source | undefined): Source {
  if (build_type !== undefined && build_type !== 'prebuilt') {
    throw wrong('prebuilt_image', `is for the build type prebuilt, not ${build_type}`);
  }
  if (source_path !== undefined) throw wrong('source_path', 'cannot be given together with prebuilt_image');
  const image = prebuilt_image ?? own?.image;
  if (image === undefined) throw wrong('prebuilt_image', 'is required for the build type prebuilt');
  return { type: 'image', image };
}

async function localSourceOf({ settings }: RestDeps, path: string): Promise<Source> {
  return { type: 'git', repository: await localSource(path, settings.buildRoot) };
}

/** The repository of the service; without a service the one that all services of the project share. */
async function repositorySource(
  { store }: RestDeps,
  { namespace, service }: { namespace: string; service: Service | undefined },
): Promise<Source> {
  if (service) {
    if (service.spec.source.type === 'image') {
      throw wrong('build_type', 'must be prebuilt: the service runs an image, not a repository');
    }
    return service.spec.source;
  }
  const sources = (await store.list(Service, { namespace })).items.map(({ spec }) => spec.source);
  const found = sources.filter(({ repository }) => repository !== undefined);
  const [first] = found;
  if (first && found.every(({ repository }) => repository === first.repository)) return first;
  const why = first ? 'the services of the project have several repositories' : 'the project has no repository';
  throw wrong('service_id', `is required, or source_path, or prebuilt_image: ${why}`);
}

function wrong(path: string, message: string): RestError {
  return invalidFields([{ path, message }]);
}
