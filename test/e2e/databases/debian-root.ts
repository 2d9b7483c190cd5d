import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { recipes, type ImageRecipe } from './image-recipes.ts';

/** What every image has: a shell, the small programs, and the one that changes the user. */
const common = ['bash', 'gosu'];
const cache = join(tmpdir(), `containr-e2e-images-${process.getuid?.() ?? 0}`);
const unneeded = [
  ...['doc', 'info', 'locale', 'man', 'perl', 'perl5', 'sounds'].map((name) => `usr/share/${name}`),
  ...['gconv', 'perl', 'perl-base'].map((name) => `usr/lib/x86_64-linux-gnu/${name}`),
  ...['bash-completion', 'debconf', 'dpkg', 'apt', 'systemd', 'init.d'].flatMap((name) => [
    `usr/share/${name}`,
    `etc/${name}`,
  ]),
];

/** Why images cannot be made of Debian's packages here, or undefined when they can. */
export function obstacleToPackages(): string | undefined {
  if (run('dpkg-deb', ['--version']).status !== 0) return 'dpkg-deb is not installed';
  const all = Object.values(recipes).flatMap(({ packages, alone }) => [...packages, ...alone]);
  return versionsOf(all)
    ? undefined
    : 'apt-get knows no place to fetch the servers from; its package lists may be missing';
}

/** The files of an image, unpacked once for these versions of the packages and kept for later runs. */
export function debianRoot(recipe: ImageRecipe): string {
  const versions = versionsOf([...recipe.packages, ...recipe.alone]);
  if (versions === undefined) throw new Error(`apt-get knows no place to fetch ${recipe.name} from.`);
  const entrypoint = readFileSync(join(import.meta.dirname, 'images', `${recipe.name}.sh`), 'utf8');
  const own = readFileSync(import.meta.filename, 'utf8');
  const key = createHash('sha256')
    .update(JSON.stringify([recipe, versions, entrypoint, own]))
    .digest('hex');
  const kept = join(cache, `${recipe.name}-${key.slice(0, 16)}`);
  if (existsSync(kept)) return kept;
  mkdirSync(cache, { recursive: true, mode: 0o755 });
  const folder = mkdtempSync(join(cache, 'making-'));
  try {
    const archives = join(folder, 'archives');
    const root = join(folder, 'root');
    mkdirSync(join(archives, 'partial'), { recursive: true });
    must(
      'apt-get',
      ['install', '-y', '-q', '--download-only', ...options(archives), ...recipe.packages, ...common],
      archives,
    );
    if (recipe.alone.length > 0) must('apt-get', ['download', '-q', ...recipe.alone], archives);
    for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb')))
      must('dpkg-deb', ['-x', name, root], archives);
    furnish(root, recipe, entrypoint);
    renameSync(root, kept);
  } catch (error) {
    // Another run may have made the same meanwhile.
    if (!existsSync(kept)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return kept;
}

function furnish(root: string, { without, user, entrypoint }: ImageRecipe, script: string): void {
  for (const path of [...unneeded, ...without]) rmSync(join(root, path), { recursive: true, force: true });
  for (const folder of ['bin', 'etc', 'data', 'proc', 'dev', 'sys', 'run', 'var/lib', 'usr/local/bin'])
    mkdirSync(join(root, folder), { recursive: true });
  mkdirSync(join(root, 'tmp'), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  copyFileSync('/usr/bin/busybox', join(root, 'bin', 'busybox'));
  for (const applet of run('/usr/bin/busybox', ['--list-full']).output.split('\n').filter(Boolean)) {
    if (placesOf(applet).some((place) => existsSync(join(root, place)))) continue;
    mkdirSync(dirname(join(root, applet)), { recursive: true });
    symlinkSync('/bin/busybox', join(root, applet));
  }
  const { name, id } = user;
  writeFileSync(join(root, 'etc', 'passwd'), `root:x:0:0::/root:/bin/sh\n${name}:x:${id}:${id}::/tmp:/bin/sh\n`);
  writeFileSync(join(root, 'etc', 'group'), `root:x:0:\n${name}:x:${id}:\n`);
  if (!existsSync(join(root, 'var', 'run'))) symlinkSync('/run', join(root, 'var', 'run'));
  const zone = '/usr/share/zoneinfo/Etc/UTC';
  if (existsSync(join(root, zone))) symlinkSync(zone, join(root, 'etc', 'localtime'));
  mkdirSync(dirname(join(root, entrypoint)), { recursive: true });
  writeFileSync(join(root, entrypoint), script, { mode: 0o755 });
}

/** A program of a package comes before the small one of the same name, wherever each lies. */
function placesOf(applet: string): string[] {
  return ['bin', 'sbin', 'usr/bin', 'usr/sbin'].map((folder) => join(folder, basename(applet)));
}

/** The versions that there are now, or undefined where there is no place to fetch from. */
function versionsOf(packages: readonly string[]): string[] | undefined {
  const { status, output } = run('apt-get', ['download', '--print-uris', ...packages, ...common]);
  return status === 0 ? output.split('\n').filter((line) => line.startsWith("'")) : undefined;
}

/** As on a machine that has no package at all, so that what is fetched does not depend on this one. */
function options(archives: string): string[] {
  const settings = ['Dir::State::status=/dev/null', `Dir::Cache::archives=${archives}/`, 'Debug::NoLocking=1'];
  return ['--no-install-recommends', ...settings.flatMap((setting) => ['-o', setting])];
}

function run(program: string, parameters: readonly string[], cwd?: string): { status: number; output: string } {
  const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8', ...(cwd && { cwd }) });
  return { status: status ?? -1, output: `${stdout}${stderr}` };
}

function must(program: string, parameters: readonly string[], cwd: string): void {
  const { status, output } = run(program, parameters, cwd);
  if (status !== 0) throw new Error(`${program} ${parameters.join(' ')}: ${output}`);
}
