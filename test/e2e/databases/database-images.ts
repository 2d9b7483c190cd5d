import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, copyFileSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DevEnvironment } from '../dev-environment.ts';
import { debianRoot, obstacleToPackages } from './debian-root.ts';
import { recipes, type RealEngine } from './image-recipes.ts';

/** Why look-alikes of the official images cannot be made here, or undefined when they can. */
export function obstacleToImages(): string | undefined {
  if (process.arch !== 'x64') return 'the images are made for x64';
  if (run('docker', ['--version']).status !== 0) return 'the docker command is not installed';
  return obstacleToPackages();
}

/** Gives the builder of `dev` the image of an engine under each tag; no two of them have the same digest. */
export function buildDatabaseImage(dev: DevEnvironment, engine: RealEngine, tags: readonly string[]): void {
  const recipe = recipes[engine];
  const [first, ...others] = tags.map((tag) => `${recipe.repository}:${tag}`);
  if (first === undefined || has(dev, first)) return;
  const context = join(dev.folder, `image-${engine}`);
  mkdirSync(context, { recursive: true });
  build(dev, debianRoot(recipe), first, ['FROM scratch', 'COPY . /', ...recipe.dockerfile], context);
  for (const image of others) build(dev, context, image, [`FROM ${first}`, `LABEL tag=${image}`], context);
}

/** An image with a shell and nothing else, `shell:1`. */
export function buildShell(dev: DevEnvironment): void {
  const folder = join(dev.folder, 'image-shell');
  const bin = join(folder, 'bin');
  if (existsSync(bin)) return;
  mkdirSync(bin, { recursive: true });
  copyFileSync('/usr/bin/busybox', join(bin, 'busybox'));
  for (const name of ['sh', 'cat', 'sleep', 'echo']) symlinkSync('busybox', join(bin, name));
  build(dev, folder, 'shell:1', ['FROM scratch', 'COPY bin /bin', 'ENV PATH=/bin', 'CMD ["/bin/sh"]'], dev.folder);
}

function has(dev: DevEnvironment, image: string): boolean {
  return run('docker', ['-H', endpointOf(dev), 'image', 'inspect', image]).status === 0;
}

function endpointOf(dev: DevEnvironment): string {
  return dev.must('get', 'builder/default', '-o', 'jsonpath={.spec.endpoint}');
}

function build(dev: DevEnvironment, context: string, image: string, lines: readonly string[], beside: string): void {
  const dockerfile = join(beside, `Dockerfile-${image.replaceAll(/\W/g, '-')}`);
  writeFileSync(dockerfile, `${lines.join('\n')}\n`);
  const { status, output } = run('docker', [
    '-H',
    endpointOf(dev),
    'build',
    '-q',
    '-f',
    dockerfile,
    '-t',
    image,
    context,
  ]);
  if (status !== 0) throw new Error(`The image ${image} could not be made: ${output}`);
}

function run(program: string, parameters: readonly string[]): { status: number; output: string } {
  const env = { ...process.env, DOCKER_BUILDKIT: '0' };
  const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8', env });
  return { status: status ?? -1, output: `${stdout}${stderr}` };
}
