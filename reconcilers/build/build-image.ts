import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { needsBuildKit } from '../providers/docker/buildkit-features.ts';
import type { BuildRequest } from '../providers/docker/client.ts';
import { pinnedReference } from '../providers/docker/image-reference.ts';
import { registryCredentials, registryLogins } from './credentials.ts';
import { imageLabels, imageTag } from './image-labels.ts';
import { knownArtifact } from './known-artifact.ts';
import { contextFolder, workFolder } from './source-folder.ts';
import type { Stage, StageDeps, StageInput } from './stage.ts';

/** Builds the image the way that was decided, or pulls it. */
export const buildImage: Stage = async (deps, input) => {
  if (input.build.spec.source.type === 'image') return pullImage(deps, input);
  const from = await requestOf(deps, input);
  const { imageId } = await deps.docker.build(
    {
      ...from,
      tag: imageTag(input.build),
      labels: imageLabels({ ...input.build, status: input.status }, deps.installation),
      platform: deps.platform,
      registries: registryLogins(input.secret),
    },
    (line) => input.log.write(line),
    input.progress,
    input.signal,
  );
  return { imageId };
};

/** Pulls the image and pins what its name stands for now. */
const pullImage: Stage = async (deps, input) => {
  const { build, status, secret, log, progress, signal } = input;
  const name = build.spec.source.image ?? '';
  const { imageId, digest } = await deps.docker.pull(
    // When it is pulled once more the name may stand for another image meanwhile.
    status.pinnedImage ?? name,
    registryCredentials(secret, name),
    (line) => log.write(line),
    progress,
    signal,
  );
  const pinnedImage = status.pinnedImage ?? (digest === undefined ? undefined : pinnedReference(name, digest));
  const origin = { imageId, ...(pinnedImage !== undefined && { pinnedImage }) };
  if (pinnedImage !== undefined) log.write(`Taken as ${pinnedImage}`, 'system');
  const known = await knownArtifact(deps, input, origin);
  return { strategy: 'image', ...origin, ...(known && { artifact: known }) };
};

type FromSource = Pick<BuildRequest, 'contextDir' | 'dockerfile' | 'args' | 'buildkit'>;

async function requestOf(deps: StageDeps, input: StageInput): Promise<FromSource> {
  const { strategy } = input.status;
  if (strategy === 'railpack' || strategy === 'nixpacks') return planned(deps, input, strategy);
  const contextDir = await contextFolder(deps, input);
  const { dockerfile } = input.build.spec.source;
  const text = await readFile(join(contextDir, dockerfile), 'utf8').catch(() => '');
  const isForBuildKit = Object.keys(input.buildSecrets).length > 0 || needsBuildKit(text);
  const request = { contextDir, dockerfile, args: variablesOf(input) };
  return isForBuildKit ? { ...request, buildkit: { secrets: input.buildSecrets } } : request;
}

async function planned(deps: StageDeps, input: StageInput, tool: 'railpack' | 'nixpacks'): Promise<FromSource> {
  const { settings } = input.build.spec;
  const variables = variablesOf(input);
  const outDir = join(workFolder(deps.artifacts, input.build), 'plan');
  await rm(outDir, { recursive: true, force: true });
  const request = {
    contextDir: await contextFolder(deps, input),
    outDir,
    buildCommand: settings.buildCommand,
    startCommand: settings.startCommand,
    variables,
    secretNames: Object.keys(input.buildSecrets),
  };
  const plan = await deps.buildpacks.prepare(tool, request, (line) => input.log.write(line), input.signal);
  switch (plan.kind) {
    case 'dockerfile':
      return { contextDir: plan.contextDir, dockerfile: plan.dockerfile, args: { ...plan.args, ...variables } };
    case 'frontend': {
      // To a plan of Railpack every variable is a secret: it is mounted and shows in no layer.
      const secrets = { ...variables, ...input.buildSecrets };
      const { contextDir, planFile, frontend } = plan;
      return { contextDir, dockerfile: planFile, args: {}, buildkit: { frontend, secrets } };
    }
    default:
      return plan satisfies never;
  }
}

function variablesOf({ build }: StageInput): Record<string, string> {
  return { ...build.spec.settings.environment, ...build.spec.settings.args };
}
