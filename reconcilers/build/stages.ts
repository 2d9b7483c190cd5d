import { mkdir, realpath, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Build } from '../../crds/build.ts';
import { Fault } from '../../controller/errors.ts';
import type { DockerClient } from '../providers/docker/client.ts';
import { DockerFault } from '../providers/docker/fault.ts';
import type { GitClient } from '../providers/git/client.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { RepackImage } from '../providers/oci/repack-image.ts';
import { stableHash } from '../shared/stable-hash.ts';
import type { BuildLog } from './build-log.ts';
import { gitCredentials, registryCredentials, type SourceSecret } from './credentials.ts';

/** What a stage found or made: goes into the status, which says from then on that the stage is done. */
export type StageResult = Partial<
  Pick<Build['status'], 'commit' | 'commitMessage' | 'strategy' | 'imageId' | 'artifact' | 'placements' | 'published'>
>;

export interface StageDeps {
  git: GitClient;
  docker: DockerClient;
  artifacts: ArtifactStore;
  repackImage: RepackImage;
  /** The guest supervisor for an architecture. */
  readInit: (architecture: 'amd64' | 'arm64') => Promise<{ bytes: Buffer; sha256: string }>;
  platform: 'linux/amd64' | 'linux/arm64';
}

export interface StageInput {
  build: Build;
  status: Build['status'];
  secret: SourceSecret;
  log: BuildLog;
  progress: (percent: number) => void;
  signal: AbortSignal;
}

type Stage = (deps: StageDeps, input: StageInput) => Promise<StageResult>;

/** Resolves the branch and brings the files of exactly that commit. */
export const fetchSource: Stage = async ({ git, artifacts }, { build, status, secret, log, signal }) => {
  const { source } = build.spec;
  const credentials = gitCredentials(secret);
  const repository = { url: source.repository ?? '', ...(credentials && { credentials }) };
  const wanted = status.commit ?? source.commit;
  log.write(`Fetching ${source.repository} ${wanted ?? source.branch ?? 'HEAD'}`, 'system');
  const { commit } = await git.resolve(
    repository,
    wanted === undefined ? { ...(source.branch !== undefined && { branch: source.branch }) } : { commit: wanted },
    signal,
  );
  const folder = sourceFolder(artifacts, build);
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, '..'), { recursive: true });
  const checkout = await git.checkout(repository, commit, folder, signal);
  log.write(`At commit ${checkout.commit}: ${checkout.message}`, 'system');
  return { commit: checkout.commit, commitMessage: checkout.message.slice(0, 200) };
};

/** Works out how to build, and whether the very same was built before. */
export const detectStrategy: Stage = async (deps, input) => {
  const { build, status, log } = input;
  const { source } = build.spec;
  const context = await contextFolder(deps, input);
  const dockerfile = join(context, source.dockerfile);
  if (!(await isFileInside(context, dockerfile))) {
    throw new DockerFault(
      'dockerfileNotFound',
      `There is no file "${source.dockerfile}" in "${source.rootDirectory}" at commit ${status.commit?.slice(0, 12)}. Correct spec.source.dockerfile or rootDirectory.`,
    );
  }
  const known = await deps.artifacts.lookup(await buildKey(deps, build, { commit: status.commit }));
  if (known) log.write('The same commit was built with the same settings before; its archive is used again.', 'system');
  return { strategy: 'dockerfile', ...(known && { artifact: known }) };
};

/** Builds the Dockerfile, or pulls the image. */
export const buildImage: Stage = async (deps, input) => {
  const { build, status, secret, log, progress, signal } = input;
  const { source, settings } = build.spec;
  if (source.type === 'image') {
    const { imageId } = await deps.docker.pull(
      source.image ?? '',
      registryCredentials(secret),
      (line) => log.write(line),
      signal,
    );
    const known = await deps.artifacts.lookup(await buildKey(deps, build, { imageId }));
    return { strategy: 'image', imageId, ...(known && { artifact: known }) };
  }
  const { imageId } = await deps.docker.build(
    {
      contextDir: await contextFolder(deps, input),
      dockerfile: source.dockerfile,
      tag: imageTag(build),
      args: { ...settings.environment, ...settings.args },
      labels: { 'dev.containr.build': build.metadata.uid, 'dev.containr.commit': status.commit ?? '' },
      platform: deps.platform,
    },
    (line) => log.write(line),
    progress,
    signal,
  );
  return { imageId };
};

/** Takes the image out of the builder and makes the archive that Proxmox takes. */
export const exportArtifact: Stage = async (deps, input) => {
  const { build, status, log, signal } = input;
  const { artifacts, docker } = deps;
  const { source } = build.spec;
  let imageId = status.imageId ?? '';
  if (!(await docker.inspect(imageId, signal))) {
    log.write('The builder has the image no more; it is built again', 'system');
    imageId = (await buildImage(deps, input)).imageId ?? imageId;
  }
  const architecture = deps.platform === 'linux/arm64' ? 'arm64' : 'amd64';
  const workDir = join(artifacts.workDir, build.metadata.uid, 'export');
  await rm(workDir, { recursive: true, force: true });
  await mkdir(workDir, { recursive: true });
  log.write('Exporting the image and adding the guest supervisor', 'system');
  const save = await docker.save(imageId, signal);
  const init = await deps.readInit(architecture);
  const { path, ...repacked } = await deps.repackImage({ save, workDir, init, architecture }, signal);
  const artifact = { ...repacked, image: source.image ?? imageTag(build) };
  if (artifact.process.command.length === 0 && build.spec.settings.startCommand === undefined) {
    log.write('The image names no command; the service has to set build.startCommand.', 'system');
  }
  await artifacts.put(path, artifact.digest);
  const key = await buildKey(deps, build, source.type === 'image' ? { imageId } : { commit: status.commit });
  await artifacts.remember(key, artifact);
  log.write(`Made the archive ${artifact.digest} (${Math.ceil(artifact.sizeBytes / 2 ** 20)} MiB)`, 'system');
  return { imageId, artifact };
};

/** What makes two builds the same. */
async function buildKey(
  deps: StageDeps,
  build: Build,
  from: { commit?: string | undefined; imageId?: string },
): Promise<string> {
  const { repository, rootDirectory, dockerfile } = build.spec.source;
  const { environment, args } = build.spec.settings;
  const init = await deps.readInit(deps.platform === 'linux/arm64' ? 'arm64' : 'amd64');
  return stableHash({
    ...(from.imageId === undefined
      ? { repository, rootDirectory, dockerfile, environment, args, commit: from.commit }
      : from),
    platform: deps.platform,
    supervisor: init.sha256,
    namespace: from.imageId === undefined ? build.metadata.namespace : undefined,
  });
}

/** The folder that is built from, in a checkout that is made anew when a restart left none. */
async function contextFolder(deps: StageDeps, input: StageInput): Promise<string> {
  const folder = sourceFolder(deps.artifacts, input.build);
  const present = await stat(folder).catch(() => undefined);
  if (!present) await fetchSource(deps, input);
  const context = join(folder, input.build.spec.source.rootDirectory);
  const inside = await realpath(context).catch(() => undefined);
  const root = await realpath(folder);
  if (inside === undefined || (inside !== root && !inside.startsWith(root + sep))) {
    throw new Fault(
      'Invalid',
      `There is no folder "${input.build.spec.source.rootDirectory}" in the repository. Correct spec.source.rootDirectory.`,
    );
  }
  return inside;
}

async function isFileInside(folder: string, path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || !real.startsWith(folder + sep)) return false;
  return (await stat(real)).isFile();
}

export function imageTag({ metadata, spec }: Build): string {
  return `containr/${metadata.namespace}-${spec.service ?? 'build'}:${metadata.uid.slice(0, 8)}`;
}

export function workFolder(artifacts: ArtifactStore, build: Build): string {
  return join(artifacts.workDir, build.metadata.uid);
}

function sourceFolder(artifacts: ArtifactStore, build: Build): string {
  return join(workFolder(artifacts, build), 'source');
}
