import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Build } from '../../crds/build.ts';
import { Fault } from '../../controller/errors.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import { fetchSource } from './fetch-source.ts';
import type { StageDeps, StageInput } from './stage.ts';

/** Where everything of one build lies while it is under way. */
export function workFolder(artifacts: ArtifactStore, build: Build): string {
  return join(artifacts.workDir, build.metadata.uid);
}

/** The folder that is built from, in a checkout that is made anew when a restart left none. Throws Invalid without one. */
export async function contextFolder(deps: StageDeps, input: StageInput): Promise<string> {
  const folder = join(workFolder(deps.artifacts, input.build), 'source');
  const present = await stat(folder).catch(() => undefined);
  if (!present) await fetchSource(deps, input);
  const { rootDirectory } = input.build.spec.source;
  const inside = await realpath(join(folder, rootDirectory)).catch(() => undefined);
  const root = await realpath(folder);
  if (inside === undefined || (inside !== root && !inside.startsWith(root + sep))) {
    throw new Fault(
      'Invalid',
      `There is no folder "${rootDirectory}" in the repository. Correct spec.source.rootDirectory.`,
    );
  }
  return inside;
}

/** Whether the path is a file that lies in the folder, also when links lead to it. */
export async function isFileInside(folder: string, path: string): Promise<boolean> {
  const real = await realpath(join(folder, path)).catch(() => undefined);
  if (real === undefined || !real.startsWith(folder + sep)) return false;
  return (await stat(real)).isFile();
}
