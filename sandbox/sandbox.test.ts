import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.ts';
import { createSimulatedEngine } from './simulated/simulated-engine.ts';
import { ApiClient } from './testing/api-client.ts';
import { writeWebImage } from './testing/image-archive.ts';

let folder = '';
let sandbox: Sandbox;
let api: ApiClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const engine = createSimulatedEngine({ stateDir: join(folder, 'engine') });
  sandbox = await startSandbox({ dataDir: join(folder, 'data'), nodes: ['pve1', 'pve2'], engine, statsTickMs: 0 });
  const secret = await sandbox.addToken('root@pam', 'test', { privsep: false });
  api = new ApiClient(sandbox.url, sandbox.certificate, `root@pam!test=${secret}`);
  await writeWebImage(sandbox.admin.volumePath('pve1', 'local:vztmpl/web.tar'));
});
afterAll(async () => {
  api.close();
  await sandbox.close();
  await rm(folder, { recursive: true });
});

describe('startSandbox', () => {
  it('takes a guest from an image to its end', async () => {
    const net0 = 'name=eth0,bridge=vmbr0,ip=127.90.0.1/16';
    const created = await api.task('POST', '/nodes/pve1/lxc', {
      vmid: 100,
      ostemplate: 'local:vztmpl/web.tar',
      rootfs: 'local:1',
      hostname: 'web',
      ostype: 'unmanaged',
      net0,
    });
    expect(created).toBe('OK');
    expect(await api.data('PUT', '/nodes/pve1/lxc/100/config', { tags: 'b;a' })).toBeNull();
    expect(await api.task('POST', '/nodes/pve1/lxc/100/status/start')).toBe('OK');
    expect(await (await fetch('http://127.90.0.1/')).text()).toContain('web');
    await sandbox.tick();
    expect(await api.data('GET', '/cluster/resources', { type: 'vm' })).toMatchObject([
      { vmid: 100, status: 'running', tags: 'a;b', node: 'pve1' },
    ]);
    expect(await api.task('POST', '/nodes/pve1/lxc/100/status/shutdown')).toBe('OK');
    expect(await api.task('DELETE', '/nodes/pve1/lxc/100', { purge: 1 })).toBe('OK');
    expect(await api.data('GET', '/nodes/pve1/lxc')).toEqual([]);
  });
});
