import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '..', '..');
const dataDir = join(root, '.containr', 'quickstart');
const repository = join(dataDir, 'sample');
const containr = join(root, 'bin', 'containr');
const exitAfterwards = process.argv.includes('--exit');

/** What the quickstart uses besides npm packages, by the file that shows that it is there. */
const debianPackages: Readonly<Record<string, string>> = {
  lxc: '/usr/bin/lxc-start',
  uidmap: '/usr/bin/newuidmap',
  'docker.io': '/usr/sbin/dockerd',
  'busybox-static': '/usr/share/doc/busybox-static/copyright',
  iproute2: '/sbin/ip',
  git: '/usr/bin/git',
  caddy: '/usr/bin/caddy',
};

const READY_MS = 300_000;
let dev: ChildProcess | undefined;

process.once('SIGINT', () => void finish(130));
process.once('SIGTERM', () => void finish(143));

try {
  await main();
} catch (error) {
  console.error(`\nThe quickstart did not get through: ${error instanceof Error ? error.message : String(error)}`);
  console.error(`Logs: ${join(dataDir, 'logs')}`);
  await finish(1);
}

async function main(): Promise<void> {
  console.log('Containr quickstart\n');
  installDebianPackages();
  makeRepository();

  const readyFile = join(dataDir, 'ready.json');
  rmSync(readyFile, { force: true });
  dev = spawn(
    containr,
    [
      'dev',
      '--port',
      process.env['PORT'] ?? '0',
      '--data-dir',
      dataDir,
      '--ready-file',
      readyFile,
      '--allow-repositories',
      dataDir,
    ],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const ended = new Promise<never>((_, fail) =>
    dev?.once('exit', (code) => fail(new Error(`containr dev ended with code ${code}.`))),
  );
  const ready = await Promise.race([readyFileWritten(readyFile), ended]);
  const env = { ...process.env, CONTAINR_URL: ready.url, CONTAINR_TOKEN: ready.token };

  const manifest = join(dataDir, 'shop.yaml');
  writeFileSync(
    manifest,
    readFileSync(join(import.meta.dirname, 'shop.yaml'), 'utf8').replace('${REPOSITORY}', JSON.stringify(repository)),
  );
  run(env, 'apply', '-f', manifest);
  await showProgress(env);
  const url = output(env, 'get', 'service/web', '-n', 'shop', '-o', 'jsonpath={.status.url}');
  const page = await pageAt(url);
  const title = /<h1>(.*?)<\/h1>/.exec(page)?.[1] ?? page.trim().split('\n')[0];
  console.log(`✓ ${url} answers: ${title}\n`);
  run(env, 'get', 'services', '-n', 'shop', '-o', 'wide');

  if (exitAfterwards) {
    console.log('\nCleaning up ...');
    run(env, 'delete', 'project/shop', '--confirm', 'shop');
    await finish(0, true);
    return;
  }
  console.log(`
Go on from another terminal, in ${root}:
  export CONTAINR_URL=${ready.url} CONTAINR_TOKEN=$(cat ${join(dataDir, 'controller', 'admin-token')})
  bin/containr get all -n shop
  bin/containr describe service/web -n shop
  bin/containr logs service/web -n shop -f

Change the page. The service follows its branch, so the commit is built and takes over within a minute:
  echo '<h1>Hello again</h1>' > ${join(repository, 'www/index.html')} && git -C ${repository} commit -qam 'Say it again'
  bin/containr get services -n shop -w
  bin/containr rollout history service/web -n shop
  bin/containr rollout undo service/web -n shop     # back to the page before, image and configuration together

Ctrl-C stops everything; the next quickstart goes on with the same data. Remove ${dataDir} to begin anew.`);
  await ended.catch((error: unknown) => console.log(error instanceof Error ? error.message : String(error)));
}

/** A fresh Debian machine gets what is missing; any other is told what that means. */
function installDebianPackages(): void {
  const missing = Object.entries(debianPackages)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
  if (missing.length === 0) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.log(
      `Not installed: ${missing.join(', ')}. As root on Debian they would be; guests are simulated where real containers cannot run.`,
    );
    return;
  }
  console.log(`Installing Debian packages: ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env });
  const result = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
  if (result.status !== 0) console.log('Not all of them could be installed; going on with what is there.');
}

/** The sample application as a local Git repository with one commit. */
function makeRepository(): void {
  if (existsSync(join(repository, '.git'))) return;
  mkdirSync(repository, { recursive: true });
  cpSync(join(import.meta.dirname, 'sample'), repository, { recursive: true });
  const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((file) => existsSync(file));
  if (busybox === undefined)
    writeFileSync(join(repository, 'busybox'), 'No busybox on this machine; a simulated guest does not run it.\n');
  else cpSync(busybox, join(repository, 'busybox'));
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'A page that says hello');
  console.log(`✓ sample application: one commit in ${repository}`);
}

function git(...parameters: string[]): void {
  const who = [
    '-c',
    'user.name=Containr quickstart',
    '-c',
    'user.email=quickstart@localhost',
    '-c',
    'commit.gpgsign=false',
  ];
  const result = spawnSync('git', ['-C', repository, ...who, ...parameters], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (result.status !== 0) throw new Error(`git ${parameters[0]} failed in ${repository}.`);
}

async function readyFileWritten(file: string): Promise<{ url: string; token: string }> {
  const deadline = Date.now() + READY_MS;
  while (!existsSync(file)) {
    if (Date.now() > deadline) throw new Error(`containr dev was not ready within ${READY_MS / 1_000} s.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const ready: { url: string; token: string } = JSON.parse(readFileSync(file, 'utf8'));
  return ready;
}

/** Browsers and curl know that names below localhost are this machine; not every resolver does. */
async function pageAt(url: string): Promise<string> {
  const { hostname, port, host, pathname } = new URL(url);
  const isHere = hostname.endsWith('.localhost');
  const answer = await new Promise<IncomingMessage>((resolve, fail) => {
    get({ host: isHere ? '127.0.0.1' : hostname, port, path: pathname, headers: { host } }, resolve).on('error', fail);
  });
  const page = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`${url} answers ${answer.statusCode}: ${page.slice(0, 200)}`);
  return page;
}

/** Each phase as it comes, until the service is ready; what it says when it does not become so. */
async function showProgress(env: NodeJS.ProcessEnv): Promise<void> {
  const startedAt = Date.now();
  const seen: string[] = [];
  while (Date.now() - startedAt < READY_MS) {
    const [phase, ready, message] = statusOf(env);
    if (phase !== '' && phase !== seen.at(-1)) {
      seen.push(phase);
      console.log(`  web: ${phase}`);
    }
    if (ready === 'True') {
      console.log(`✓ service/web is ready after ${((Date.now() - startedAt) / 1_000).toFixed(1)} s`);
      return;
    }
    if (phase === 'Failed') throw new Error(message);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  run(env, 'describe', 'service/web', '-n', 'shop');
  throw new Error(`service/web was not ready within ${READY_MS / 1_000} s.`);
}

interface ShownService {
  status?: { phase?: string; conditions?: { type: string; status: string; message: string }[] };
}

function statusOf(env: NodeJS.ProcessEnv): [phase: string, ready: string, message: string] {
  const service: ShownService = JSON.parse(output(env, 'get', 'service/web', '-n', 'shop', '-o', 'json'));
  const ready = service.status?.conditions?.find(({ type }) => type === 'Ready');
  return [service.status?.phase ?? '', ready?.status ?? '', ready?.message ?? ''];
}

function run(env: NodeJS.ProcessEnv, ...parameters: string[]): void {
  const result = spawnSync(containr, parameters, { stdio: 'inherit', env });
  if (result.status !== 0) throw new Error(`containr ${parameters.join(' ')} ended with code ${result.status}.`);
}

function output(env: NodeJS.ProcessEnv, ...parameters: string[]): string {
  const result = spawnSync(containr, parameters, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] });
  if (result.status !== 0) throw new Error(`containr ${parameters.join(' ')} ended with code ${result.status}.`);
  return result.stdout.trim();
}

async function finish(code: number, clean = false): Promise<void> {
  if (dev && dev.exitCode === null && dev.signalCode === null) {
    dev.removeAllListeners('exit');
    const ended = new Promise((resolve) => dev?.once('exit', resolve));
    dev.kill('SIGTERM');
    await ended;
  }
  if (clean) rmSync(dataDir, { recursive: true, force: true });
  process.exit(code);
}
