import { Fault } from '../../controller/errors.ts';
import type { BuildpackTool } from '../providers/buildpack/client.ts';
import { missingTool, noTool } from '../providers/buildpack/install.ts';
import { DockerFault } from '../providers/docker/fault.ts';
import { knownArtifact } from './known-artifact.ts';
import { contextFolder, isFileInside } from './source-folder.ts';
import type { Stage, StageDeps, StageInput, StageResult } from './stage.ts';

type Choice = Pick<StageResult, 'tool'> & { strategy: 'dockerfile' | BuildpackTool };

/** What the field says unless somebody changes it. */
const USUAL_DOCKERFILE = 'Dockerfile';

/** Works out how to build, and whether the very same was built before. */
export const detectStrategy: Stage = async (deps, input) => {
  const choice = await choose(deps, input);
  demandSense(input, choice);
  input.log.write(`It is built with ${choice.tool ?? 'its Dockerfile'}`, 'system');
  const known = await knownArtifact(deps, input, { ...choice, commit: input.status.commit });
  if (known)
    input.log.write('The same commit was built with the same settings before; its archive is used again.', 'system');
  return { ...choice, ...(known && { artifact: known }) };
};

async function choose(deps: StageDeps, input: StageInput): Promise<Choice> {
  const { source, settings } = input.build.spec;
  const builder = source.type === 'dockerfile' ? 'dockerfile' : settings.builder;
  switch (builder) {
    case 'dockerfile':
      return demandDockerfile(deps, input);
    case 'railpack':
    case 'nixpacks': {
      const version = await deps.buildpacks.version(builder, input.signal);
      if (version === undefined) throw missingTool(builder);
      return { strategy: builder, tool: `${builder} ${version}` };
    }
    case 'image':
      throw new Fault(
        'Invalid',
        'The builder "image" takes an image, and the source is a repository. Set source.type to "image", or another builder.',
      );
    case 'auto':
      if (await hasDockerfile(deps, input)) return { strategy: 'dockerfile' };
      // A path that somebody wrote down is not passed over.
      if (source.dockerfile !== USUAL_DOCKERFILE) return demandDockerfile(deps, input);
      return chooseTool(deps, input);
    default:
      return builder satisfies never;
  }
}

/** Railpack where this host can carry out its plans, else Nixpacks. */
async function chooseTool({ docker, buildpacks }: StageDeps, { log, signal }: StageInput): Promise<Choice> {
  const railpack = await buildpacks.version('railpack', signal);
  const canRailpack = railpack !== undefined && (await docker.buildxVersion(signal)) !== undefined;
  if (canRailpack) return { strategy: 'railpack', tool: `railpack ${railpack}` };
  const nixpacks = await buildpacks.version('nixpacks', signal);
  if (nixpacks !== undefined) {
    if (railpack !== undefined)
      log.write('Railpack is installed, but BuildKit, which it needs, is not reached from here.', 'system');
    return { strategy: 'nixpacks', tool: `nixpacks ${nixpacks}` };
  }
  // The build itself says what is missing to carry the plan out.
  if (railpack !== undefined) return { strategy: 'railpack', tool: `railpack ${railpack}` };
  throw noTool('Dockerfile in the root directory');
}

async function demandDockerfile(deps: StageDeps, input: StageInput): Promise<Choice> {
  if (await hasDockerfile(deps, input)) return { strategy: 'dockerfile' };
  const { dockerfile, rootDirectory } = input.build.spec.source;
  throw new DockerFault(
    'dockerfileNotFound',
    `There is no file "${dockerfile}" in "${rootDirectory}" at commit ${input.status.commit?.slice(0, 12)}. Correct spec.source.dockerfile or rootDirectory.`,
  );
}

async function hasDockerfile(deps: StageDeps, input: StageInput): Promise<boolean> {
  return isFileInside(await contextFolder(deps, input), input.build.spec.source.dockerfile);
}

/** What would be passed over in silence is refused. */
function demandSense({ build }: StageInput, { strategy }: Choice): void {
  const { buildCommand, secrets = [] } = build.spec.settings;
  if (strategy === 'dockerfile' && buildCommand !== undefined)
    throw new Fault(
      'Invalid',
      'The source is built by its Dockerfile, which has commands of its own. Remove build.buildCommand, or set build.builder to railpack or nixpacks.',
    );
  if (strategy === 'nixpacks' && secrets.length > 0)
    throw new Fault(
      'Invalid',
      'Nixpacks would write build.secrets into the image. Use Railpack or a Dockerfile with RUN --mount=type=secret.',
    );
}
