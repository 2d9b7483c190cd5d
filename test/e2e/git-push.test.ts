import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DevEnvironment, obstacleToContainers, until } from './dev-environment.ts';

const obstacle = obstacleToContainers();
if (obstacle !== undefined) console.log(`Skipped, pushes to real containers: ${obstacle}.`);

const SECRET = 'only the forge knows';
const PATIENCE_MS = 240_000;
const Guests = z.array(z.object({ vmid: z.coerce.number(), status: z.string(), maxmem: z.coerce.number() }));

/** What the deployment repository states: a service that follows the repository of its code. */
function deployment(code: string, { replicas, memory }: { replicas: number; memory: string }): string {
  return `apiVersion: containr.dev/v1alpha1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  type: web
  source: { type: git, repository: ${code}, branch: main }
  webhookSecretRef: { name: forge, key: webhook }
  replicas: ${replicas}
  resources: { cpu: 500m, memory: ${memory}, storage: 256Mi }
  ports: [{ name: http, port: 8080 }]
  healthCheck: { http: { path: /, port: 8080 }, interval: 2s, timeout: 2s, startPeriod: 20s }
  rollout: { drain: 1s, progressDeadline: 180s }
`;
}

function project(deploy: string): string {
  return `apiVersion: containr.dev/v1alpha1
kind: Project
metadata: { name: shop }
---
apiVersion: containr.dev/v1alpha1
kind: Secret
metadata: { name: forge, namespace: shop }
spec: { data: { webhook: ${SECRET} } }
---
apiVersion: containr.dev/v1alpha1
kind: RepoSync
metadata: { name: site, namespace: shop }
spec:
  url: ${deploy}
  branch: main
  path: /deploy
  interval: 1h
  prune: true
  webhookSecretRef: { name: forge, key: webhook }
`;
}

describe.skipIf(obstacle !== undefined)('a push to real containers', () => {
  const dev = new DevEnvironment();
  const [code, deploy] = [join(dev.folder, 'code.git'), join(dev.folder, 'deploy.git')];
  const work = join(dev.folder, 'deploy');
  const timings: string[] = [];

  beforeAll(async () => {
    dev.makeRepository();
    mkdirSync(join(work, 'deploy'), { recursive: true });
    git(work, 'init', '-q', '-b', 'main');
    for (const [bare, from] of [
      [code, dev.repository],
      [deploy, work],
    ] as const) {
      git(dev.folder, 'init', '-q', '--bare', '-b', 'main', bare);
      git(from, 'remote', 'add', 'origin', bare);
    }
    git(dev.repository, 'push', '-q', 'origin', 'main');
    state({ replicas: 1, memory: '64Mi' });
    push(work, 'One replica');
    await dev.start({ engine: 'lxc' });
  });
  afterAll(async () => {
    for (const timing of timings) console.log(timing);
    await dev.dispose();
  });

  function git(folder: string, ...parameters: string[]): string {
    const who = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
    const { status, stdout, stderr } = spawnSync('git', ['-C', folder, ...who, ...parameters], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`git ${parameters.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  function state(wanted: { replicas: number; memory: string }): void {
    writeFileSync(join(work, 'deploy', 'web.yaml'), deployment(code, wanted));
  }

  /** Commits what was changed, if anything was, and pushes; answers the commit. */
  function push(folder: string, message: string): string {
    git(folder, 'add', '-A');
    if (git(folder, 'status', '--porcelain') !== '') git(folder, 'commit', '-q', '-m', message);
    git(folder, 'push', '-q', 'origin', 'main');
    return git(folder, 'rev-parse', 'HEAD');
  }

  /** Tells of a push as GitHub does. */
  async function tell(path: string, after: string): Promise<void> {
    const body = JSON.stringify({ ref: 'refs/heads/main', after });
    const { statusCode, body: answer } = await request(`${dev.ready.url}/webhooks/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': after,
        'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
      },
      body,
    });
    expect(statusCode, await answer.text()).toBe(202);
  }

  async function guests(): Promise<string[]> {
    const all = await dev.proxmox(Guests, 'GET', '/nodes/pve1/lxc');
    return all.map(({ status, maxmem }) => `${status} ${maxmem / 2 ** 20}`).toSorted();
  }

  async function timed(what: string, began: number, isSo: () => Promise<boolean>): Promise<void> {
    await until(what, isSo, PATIENCE_MS);
    timings.push(`From the push until ${what}: ${((performance.now() - began) / 1_000).toFixed(1)} s.`);
  }

  const are = (wanted: readonly string[]) => async () => (await guests()).join() === wanted.join();

  it('makes the service that the repository states, and the page is served', async () => {
    const began = performance.now();
    dev.must('apply', '-f', dev.write('project.yaml', project(deploy)));
    await timed('the first page is served', began, async () => (await dev.page()).includes('Hello from Containr'));
    expect(await guests()).toEqual(['running 64']);
  });

  it('converges the guests to a push of the deployment, and a revert brings back what was', async () => {
    state({ replicas: 2, memory: '96Mi' });
    const began = performance.now();
    await tell('reposync/shop/site', push(work, 'Two larger replicas'));
    await timed('two larger guests run, and no other', began, are(['running 96', 'running 96']));

    git(work, 'revert', '--no-edit', 'HEAD');
    const reverted = performance.now();
    const commit = push(work, 'Reverted');
    await tell('reposync/shop/site', commit);
    await timed('one guest of the old size runs, by a revert', reverted, are(['running 64']));
    await until('the RepoSync is ready', () => dev.field('reposync/site', '{.status.revision}') === commit);
    expect(await dev.page()).toContain('Hello from Containr');
  });

  it('builds and rolls out a push of the code, once, and a revert brings the old page back', async () => {
    const revision = Number(dev.field('service/web', '{.status.revision}'));
    writeFileSync(join(dev.repository, 'www', 'index.html'), '<h1>The pushed page</h1>\n');
    const began = performance.now();
    const commit = push(dev.repository, 'Another page');
    await tell('service/shop/web', commit);
    await timed('the pushed page is served', began, async () => (await dev.page()).includes('The pushed page'));
    await until('the service is at the commit', () => dev.field('service/web', '{.status.commit}') === commit);

    git(dev.repository, 'revert', '--no-edit', 'HEAD');
    const reverted = performance.now();
    await tell('service/shop/web', push(dev.repository, 'Reverted'));
    await timed('the old page is back, by a revert', reverted, async () =>
      (await dev.page()).includes('Hello from Containr'),
    );
    await until('one guest is left', are(['running 64']), PATIENCE_MS);
    expect(Number(dev.field('service/web', '{.status.revision}'))).toBe(revision + 2);
  });
});
