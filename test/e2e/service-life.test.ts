import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DevEnvironment, obstacleToContainers, until } from './dev-environment.ts';

const obstacle = obstacleToContainers();
if (obstacle !== undefined) console.log(`Skipped, the life of a service in real containers: ${obstacle}.`);

const Guests = z.array(
  z.object({ vmid: z.coerce.number(), status: z.string(), tags: z.string().optional(), name: z.string().optional() }),
);
const Content = z.array(z.object({ volid: z.string() }));

function manifest(repository: string, more = ''): string {
  return `apiVersion: containr.dev/v1alpha1
kind: Project
metadata: { name: shop }
---
apiVersion: containr.dev/v1alpha1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  type: web
  source: { type: git, repository: ${repository}, branch: main }
  resources: { cpu: 500m, memory: 64Mi, storage: 256Mi }
  ports: [{ name: http, port: 8080 }]
  healthCheck: { http: { path: /, port: 8080 }, interval: 2s, timeout: 2s, startPeriod: 20s }
  rollout: { drain: 1s, progressDeadline: 60s }
${more}`;
}

describe.skipIf(obstacle !== undefined)('the life of a service in real containers', () => {
  const dev = new DevEnvironment();
  let file = '';

  beforeAll(async () => {
    dev.makeRepository();
    await dev.start({ engine: 'lxc' });
  });
  afterAll(() => dev.dispose());

  async function guests(): Promise<z.output<typeof Guests>> {
    const all = await dev.proxmox(Guests, 'GET', '/nodes/pve1/lxc');
    return all.toSorted((a, b) => a.vmid - b.vmid);
  }

  it('one apply builds the repository with a real Docker engine and serves the page from a real container', async () => {
    expect(dev.ready.engine).toBe('lxc');
    file = dev.write('shop.yaml', manifest(dev.repository));
    expect(dev.must('apply', '-f', file)).toContain('service/web created');
    dev.must('wait', 'service/web', '-n', 'shop', '--for=condition=Ready', '--timeout', '120s');
    expect(await dev.page()).toContain('Hello from Containr');
    expect(await guests()).toMatchObject([{ status: 'running' }]);
    expect(dev.must('apply', '-f', file)).toContain('service/web unchanged');
  });

  it('shows what the service printed, and what the build printed', async () => {
    await dev.page();
    await until('the log has the request', () =>
      dev.must('logs', 'service/web', '-n', 'shop').includes('response:200'),
    );
    expect(dev.must('logs', 'service/web', '-n', 'shop', '--build')).toMatch(/Step \d+\/\d+/);
  });

  it('rolls to a new container on a new commit, and the old one goes', async () => {
    const [before] = await guests();
    writeFileSync(join(dev.repository, 'www', 'index.html'), '<h1>The second page</h1>\n');
    const commit = dev.commit('The second page');
    writeFileSync(file, readFileSync(file, 'utf8').replace('branch: main', `commit: ${commit}`));
    dev.must('apply', '-f', file, '--wait', '--timeout', '120s');
    expect(await dev.page()).toContain('The second page');
    expect(dev.field('service/web', '{.status.commit}')).toBe(commit);
    const after = await guests();
    expect(after).toHaveLength(1);
    expect(after[0]?.vmid).not.toBe(before?.vmid);
  });

  it('corrects what is done behind its back: a stopped guest runs again, changed memory is changed back', async () => {
    const [guest] = await guests();
    const path = `/nodes/pve1/lxc/${guest?.vmid}`;
    await dev.proxmox(z.string(), 'POST', `${path}/status/stop`);
    await until('the guest runs again', async () => (await guests())[0]?.status === 'running');
    await until('the page answers again', async () => (await dev.page()).includes('The second page'));
    await dev.proxmox(z.unknown(), 'PUT', `${path}/config`, { memory: '128' });
    await until(
      'the memory is as declared',
      async () => (await dev.proxmox(z.object({ memory: z.coerce.number() }), 'GET', `${path}/config`)).memory === 64,
    );
    expect(dev.must('events', '-n', 'shop')).toContain('DriftCorrected');
  });

  it('leaves a guest alone that is not ours, though it lies in the vmid range', async () => {
    const archive =
      (await dev.proxmox(Content, 'GET', '/nodes/pve1/storage/local/content?content=vztmpl'))[0]?.volid ?? '';
    await dev.proxmox(z.string(), 'POST', '/nodes/pve1/lxc', {
      vmid: '1005',
      ostemplate: archive,
      rootfs: 'local:1',
      ostype: 'unmanaged',
      hostname: 'stranger',
      memory: '64',
    });
    await until('the stranger is made', async () => (await guests()).some(({ name }) => name === 'stranger'));
    dev.must('reconcile', 'service/web', '-n', 'shop');
    expect((await guests()).find(({ vmid }) => vmid === 1005)?.name).toBe('stranger');
  });

  it('keeps serving while the controller is killed in the middle of a rollout, and ends with one guest of the new revision', async () => {
    for (const [round, killAfterMs] of [50, 400, 1_200].entries()) {
      writeFileSync(
        file,
        readFileSync(file, 'utf8')
          .replace(/\n  restartedAt: .*|$/, `\n  restartedAt: "round-${round}"`)
          .replace(/\n+$/, '\n'),
      );
      dev.must('apply', '-f', file);
      await new Promise((resolve) => setTimeout(resolve, killAfterMs));
      dev.killController();
      await until('the API answers again', () => dev.command('get', 'projects').code === 0, 90_000);
      dev.must('wait', 'service/web', '-n', 'shop', '--for=condition=Ready', '--timeout', '180s');
      expect(await dev.page()).toContain('The second page');
      await until(
        'one guest of ours is left',
        async () => (await guests()).filter(({ tags }) => tags?.includes('containr')).length === 1,
      );
    }
  });

  it('keeps the old revision serving when a Dockerfile fails, and says what failed', async () => {
    const dockerfile = join(dev.repository, 'Dockerfile');
    const good = readFileSync(dockerfile, 'utf8');
    writeFileSync(dockerfile, 'FROM scratch\nCOPY absent /absent\n');
    const broken = dev.commit('A Dockerfile that fails');
    const brokenFile = dev.write('broken.yaml', readFileSync(file, 'utf8').replace(/commit: \w+/, `commit: ${broken}`));
    dev.must('apply', '-f', brokenFile);
    const waited = dev.command('wait', 'service/web', '-n', 'shop', '--for=condition=Ready', '--timeout', '120s');
    expect(waited.code).toBe(1);
    expect(waited.stderr).toContain('absent');
    expect(await dev.page()).toContain('The second page');
    writeFileSync(dockerfile, good);
    dev.commit('As before');
    dev.must('apply', '-f', file, '--wait', '--timeout', '120s');
  });

  it('goes on with the same guests after everything was stopped and started again', async () => {
    const before = (await guests()).map(({ vmid }) => vmid);
    await dev.stop();
    await dev.start({ engine: 'lxc' });
    await until('the page answers', async () => (await dev.page()).includes('The second page'), 120_000);
    expect((await guests()).map(({ vmid }) => vmid)).toEqual(before);
  });

  it('leaves no guest, no archive and no object behind when the service is deleted', async () => {
    dev.must('delete', 'service/web', '-n', 'shop', '--timeout', '120s');
    expect((await guests()).filter(({ name }) => name !== 'stranger')).toEqual([]);
    const archives = await dev.proxmox(Content, 'GET', '/nodes/pve1/storage/local/content?content=vztmpl');
    expect(archives.filter(({ volid }) => volid.includes('containr-'))).toEqual([]);
    for (const kind of ['builds', 'deployments', 'guests'])
      expect(dev.must('get', kind, '-n', 'shop', '-o', 'name')).toBe('');
  });
});
