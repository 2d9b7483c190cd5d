import type { Build } from '../../crds/build.ts';
import type { Buildpacks } from '../providers/buildpack/client.ts';
import type { DockerClient } from '../providers/docker/client.ts';
import type { GitClient } from '../providers/git/client.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { RepackImage } from '../providers/oci/repack-image.ts';
import type { BuildLog } from './build-log.ts';
import type { SourceSecret } from './credentials.ts';

/** What a stage found or made: goes into the status, which says from then on that the stage is done. */
export type StageResult = Partial<
  Pick<
    Build['status'],
    | 'commit'
    | 'commitMessage'
    | 'strategy'
    | 'tool'
    | 'pinnedImage'
    | 'imageId'
    | 'artifact'
    | 'placements'
    | 'published'
  >
>;

export interface StageDeps {
  git: GitClient;
  docker: DockerClient;
  buildpacks: Buildpacks;
  artifacts: ArtifactStore;
  repackImage: RepackImage;
  /** The guest supervisor for an architecture. */
  readInit: (architecture: 'amd64' | 'arm64') => Promise<{ bytes: Buffer; sha256: string }>;
  /** What guests open their configuration with; 32 bytes, in every archive. */
  configKey: Buffer;
  platform: 'linux/amd64' | 'linux/arm64';
  /** Marks what is ours on an engine that others use too. */
  installation: string;
}

export interface StageInput {
  build: Build;
  status: Build['status'];
  /** Of the source. */
  secret: SourceSecret;
  /** Values of spec.settings.secrets, by their names there. */
  buildSecrets: Readonly<Record<string, string>>;
  log: BuildLog;
  /** Per cent of this stage. */
  progress: (percent: number) => void;
  signal: AbortSignal;
}

/** One stage's work. It may be done anew after a restart, so it looks before it touches. */
export type Stage = (deps: StageDeps, input: StageInput) => Promise<StageResult>;
