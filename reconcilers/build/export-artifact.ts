import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, Transform, type Readable } from 'node:stream';
import { buildImage } from './build-image.ts';
import { buildKey, namesOf } from './known-artifact.ts';
import { workFolder } from './source-folder.ts';
import type { Stage } from './stage.ts';

/** Takes the image out of the builder and makes the archive that Proxmox takes. */
export const exportArtifact: Stage = async (deps, input) => {
  const { build, status, log, progress, signal } = input;
  const { artifacts, docker } = deps;
  let imageId = status.imageId ?? '';
  let image = await docker.inspect(imageId, signal);
  if (!image) {
    log.write('The builder has the image no more; it is built again', 'system');
    imageId = (await buildImage(deps, { ...input, progress: () => undefined })).imageId ?? imageId;
    image = await docker.inspect(imageId, signal);
  }
  const architecture = deps.platform === 'linux/arm64' ? 'arm64' : 'amd64';
  const workDir = join(workFolder(artifacts, build), 'export');
  await rm(workDir, { recursive: true, force: true });
  await mkdir(workDir, { recursive: true });
  log.write('Exporting the image and adding the guest supervisor', 'system');
  const save = counted(await docker.save(imageId, signal), image?.sizeBytes ?? 0, progress);
  const init = await deps.readInit(architecture);
  const { path, ...repacked } = await deps.repackImage(
    { save, workDir, init, configKey: deps.configKey, architecture },
    signal,
  );
  const origin = { ...status, imageId };
  const artifact = { ...repacked, ...namesOf(build, origin, repacked.imageDigest) };
  if (artifact.process.command.length === 0 && build.spec.settings.startCommand === undefined) {
    log.write('The image names no command; the service has to set build.startCommand.', 'system');
  }
  await artifacts.put(path, artifact.digest);
  await artifacts.remember(await buildKey(deps, input, origin), artifact);
  log.write(`Made the archive ${artifact.digest} (${Math.ceil(artifact.sizeBytes / 2 ** 20)} MiB)`, 'system');
  return { imageId, artifact };
};

/** The same bytes; how many of those expected came by goes to `progress`. The engine's own count is a good guess. */
function counted(bytes: Readable, expected: number, progress: (percent: number) => void): Readable {
  let seen = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _, done) {
      seen += chunk.length;
      if (expected > 0) progress(Math.min(Math.floor((seen / expected) * 100), 99));
      done(null, chunk);
    },
  });
  // An error of one destroys the other; whoever reads hears of it.
  pipeline(bytes, counter, () => undefined);
  return counter;
}
