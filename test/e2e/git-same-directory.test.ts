import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as forward } from 'node:http';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KubeConfig, KubernetesObjectApi, PatchStrategy, type KubernetesObject } from '@kubernetes/client-node';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { selfSignedCertificate } from '../../reconcilers/providers/proxmox/testing/self-signed-certificate.ts';
import { DevEnvironment, until } from './dev-environment.ts';

const examples = join(import.meta.dirname, '..', '..', 'manifests', 'examples');
const kubectl = ['/usr/bin/kubectl', '/usr/local/bin/kubectl'].find(
  (file) => spawnSync(file, ['version', '--client']).status === 0,
);
if (kubectl === undefined) console.log('Skipped, the examples by kubectl: it is not installed.');

const Objects = z.object({
  items: z.array(
    z.looseObject({
      kind: z.string(),
      metadata: z.looseObject({
        name: z.string(),
        resourceVersion: z.string(),
        labels: z.record(z.string(), z.string()).optional(),
        annotations: z.record(z.string(), z.string()).optional(),
      }),
      spec: z.unknown(),
      status: z.looseObject({ keys: z.array(z.object({ name: z.string() })).optional() }).optional(),
    }),
  ),
});
const Written = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
type Stored = z.output<typeof Objects>['items'][number];

describe('the same directory, applied in four ways', () => {
  const dev = new DevEnvironment();
  const directory = join(dev.folder, 'deploy', 'examples');
  const { cert, key } = selfSignedCertificate();
  let front: Server;
  let url = '';

  beforeAll(async () => {
    dev.makeRepository();
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(examples)) {
      const text = readFileSync(join(examples, name), 'utf8');
      writeFileSync(join(directory, name), text.replaceAll('https://git.example.com/shop/web.git', dev.repository));
    }
    await dev.start({ engine: 'simulated' });
    // Clients of Kubernetes show their tokens to nobody without TLS.
    const { hostname, port } = new URL(dev.ready.url);
    front = createServer({ cert, key }, (asked, answer) => {
      const { method, url: path, headers } = asked;
      const onward = forward({ hostname, port, method, path, headers }, (got) => {
        answer.writeHead(got.statusCode ?? 502, got.headers);
        got.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      asked.pipe(onward);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const address = front.address();
    url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    writeFileSync(join(dev.folder, 'ca.pem'), cert);
  });
  afterAll(async () => {
    front?.closeAllConnections();
    front?.close();
    await dev.dispose();
  });

  const ways: Record<string, (project: string) => Promise<void>> = {
    async containr(project) {
      dev.must('apply', '-f', directory, '-n', project);
    },
    async 'client-node'(project) {
      const config = new KubeConfig();
      const server = { name: 'dev', server: url, caData: Buffer.from(cert).toString('base64'), skipTLSVerify: false };
      config.loadFromClusterAndUser(server, { name: 'admin', token: dev.ready.token });
      const objects = KubernetesObjectApi.makeApiClient(config);
      for (const name of readdirSync(directory))
        for (const document of parseAllDocuments(readFileSync(join(directory, name), 'utf8'))) {
          const value: unknown = document.toJS();
          if (value === null) continue;
          const { metadata, ...rest } = Written.parse(value);
          const object: KubernetesObject = { ...rest, metadata: { ...metadata, namespace: project } };
          await objects.patch(object, undefined, undefined, 'test', false, PatchStrategy.ServerSideApply);
        }
    },
    async reposync(project) {
      const file = join(dev.folder, 'sync.yaml');
      const metadata = {
        name: 'examples',
        namespace: project,
        annotations: { 'example.com/asked': String(Date.now()) },
      };
      const spec = { url: join(dev.folder, 'deploy'), path: '/examples', interval: '1h' };
      writeFileSync(file, JSON.stringify({ apiVersion: 'containr.dev/v1alpha1', kind: 'RepoSync', metadata, spec }));
      dev.must('apply', '-f', file);
      dev.must('reconcile', 'reposync/examples', '-n', project);
      await until('the commit is applied', () => dev.field('reposync/examples', '{.status.revision}', project) !== '');
    },
    ...(kubectl !== undefined && {
      async kubectl(project: string) {
        const access = [
          '--server',
          url,
          '--certificate-authority',
          join(dev.folder, 'ca.pem'),
          '--token',
          dev.ready.token,
        ];
        const cache = ['--cache-dir', join(dev.folder, 'cache')];
        // Not in one go: what it asks passes through this process.
        await promisify(execFile)(
          kubectl,
          ['apply', '--server-side', '-n', project, '-f', directory, ...access, ...cache],
          {
            env: { PATH: process.env['PATH'] ?? '', HOME: dev.folder },
          },
        );
      },
    }),
  };

  async function stored(project: string): Promise<Stored[]> {
    const lists = await Promise.all(
      ['secrets', 'services'].map(async (plural) => {
        const path = `/apis/containr.dev/v1alpha1/namespaces/${project}/${plural}`;
        const { body } = await request(`${dev.ready.url}${path}`, {
          headers: { authorization: `Bearer ${dev.ready.token}` },
        });
        return Objects.parse(await body.json()).items;
      }),
    );
    return lists.flat();
  }

  /** What people stated, and what came of it by default. */
  async function intent(project: string): Promise<unknown> {
    return (await stored(project)).map(({ kind, metadata: { name, labels, annotations }, spec, status }) => ({
      kind,
      name,
      labels,
      annotations,
      spec,
      keys: kind === 'Secret' ? status?.keys : undefined,
    }));
  }

  /** Calls to Proxmox that change something. */
  async function changes(): Promise<number> {
    const { body } = await request(`${dev.ready.url}/metrics`, {
      headers: { authorization: `Bearer ${dev.ready.token}` },
    });
    const lines = (await body.text()).split('\n').filter((line) => line.startsWith('containr_proxmox_requests_total{'));
    expect(lines.length).toBeGreaterThan(0);
    return lines
      .filter((line) => /method="(POST|PUT|DELETE)"/.test(line))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  const generations = async (): Promise<unknown[]> =>
    Promise.all(
      Object.keys(ways).map(async (project) => (await stored(project)).map(({ metadata }) => metadata['generation'])),
    );

  it('gives the same objects, and changes nothing the second time, nor calls Proxmox', async () => {
    spawnSync('git', ['init', '-q', '-b', 'main', join(dev.folder, 'deploy')]);
    const who = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
    for (const words of [
      ['add', '-A'],
      ['commit', '-q', '-m', 'Examples'],
    ])
      execFileSync('git', ['-C', join(dev.folder, 'deploy'), ...who, ...words]);
    for (const [project, apply] of Object.entries(ways)) {
      const file = dev.write(
        'project.yaml',
        `apiVersion: containr.dev/v1alpha1\nkind: Project\nmetadata: { name: ${project} }\n`,
      );
      dev.must('apply', '-f', file);
      await apply(project);
    }
    const [first, ...others] = await Promise.all(Object.keys(ways).map(intent));
    expect(first).toHaveLength(4);
    for (const other of others) expect(other).toEqual(first);

    for (const project of Object.keys(ways))
      for (const service of ['web', 'worker', 'idle'])
        dev.must('wait', `service/${service}`, '-n', project, '--for=condition=Ready', '--timeout', '200s');
    let before = -1;
    // What is left of rollouts, such as the placement of an archive, comes to rest first.
    await until('Proxmox is left alone', async () => {
      const last = before;
      before = await changes();
      if (last !== before) await new Promise((resolve) => setTimeout(resolve, 3_000));
      return last === before;
    });
    const objects = await generations();
    for (const [project, apply] of Object.entries(ways)) await apply(project);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await generations()).toEqual(objects);
    expect(await changes()).toBe(before);
  });
});
