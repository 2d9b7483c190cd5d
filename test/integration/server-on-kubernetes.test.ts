import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Project } from '../../crds/project.ts';
import { serveKubernetesApi, type KubernetesApi } from '../harness/kubernetes-api.ts';
import { containr } from './cli-fixture.ts';

const Lease = z.object({ spec: z.object({ holderIdentity: z.string(), leaseTransitions: z.int() }) });
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/containr-system/leases/containr-controller';

describe('containr server --store kubernetes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'containr-kubernetes-'));
  const cleanups: (() => Promise<unknown> | void)[] = [];
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  /** A server with a data folder of its own. */
  function start(name: string): { process: ChildProcess; says: () => string; ended: Promise<number | null> } {
    const dataDir = join(folder, name);
    const kubeconfig = join(folder, 'kubeconfig');
    const flags = ['--store', 'kubernetes', '--kubeconfig', kubeconfig, '--data-dir', dataDir, '--port', '0'];
    const server = spawn(containr, ['server', ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    server.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = new Promise<number | null>((resolve) => server.on('exit', resolve));
    cleanups.push(() => {
      server.kill('SIGTERM');
      return ended;
    });
    return { process: server, says: () => said, ended };
  }

  async function holder(api: KubernetesApi): Promise<z.output<typeof Lease>['spec']> {
    return Lease.parse(await api.client().send({ method: 'GET', path: LEASE })).spec;
  }

  it('keeps objects there, leads by a Lease, and hands it over', async () => {
    const api = await serveKubernetesApi();
    cleanups.push(() => api.close());
    writeFileSync(join(folder, 'kubeconfig'), api.kubeconfig, { mode: 0o600 });
    const first = start('one');
    await expect.poll(first.says, { timeout: 60_000 }).toContain('This process leads.');
    await expect.poll(first.says, { timeout: 60_000 }).toContain('serving');
    const led = await holder(api);
    expect(led.leaseTransitions).toBe(1);

    const { url } = z.object({ url: z.string() }).parse(
      first
        .says()
        .split('\n')
        .filter((line) => line.includes('"serving"'))
        .map((line): unknown => JSON.parse(line))[0],
    );
    const headers = {
      authorization: `Bearer ${readFileSync(join(folder, 'one', 'admin-token'), 'utf8').trim()}`,
      'content-type': 'application/json',
    };
    const made = await fetch(`${url}/apis/containr.dev/v1alpha1/projects`, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        apiVersion: 'containr.dev/v1alpha1',
        kind: 'Project',
        metadata: { name: 'shop' },
        spec: {},
      }),
    });
    expect(made.status).toBe(201);
    const ready = async () => {
      const project = await api.store.get(Project, { name: 'shop' });
      return project?.status.conditions.find(({ type }) => type === 'Ready')?.status;
    };
    await expect.poll(ready, { timeout: 30_000 }).toBe('True');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);

    const second = start('two');
    await expect.poll(second.says, { timeout: 60_000 }).toContain('Standing by: another process leads.');
    first.process.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    await expect.poll(second.says, { timeout: 60_000 }).toContain('This process leads.');
    const taken = await holder(api);
    expect(taken.leaseTransitions).toBe(2);
    expect(taken.holderIdentity).not.toBe(led.holderIdentity);
  });

  it('ends and says why when the kubeconfig leads nowhere', async () => {
    writeFileSync(join(folder, 'kubeconfig'), 'apiVersion: v1\nkind: Config\n', { mode: 0o600 });
    const server = start('none');
    expect(await server.ended).toBe(1);
    expect(server.says()).toContain('names no cluster');
  });
});
