import { describe, expect, it } from 'vitest';
import type { CreateGuest, RestoreGuest } from './client.ts';
import { configParams, createParams, restoreParams } from './guest-params.ts';
import { netText } from './net.ts';
import { schemaCalls } from './testing/reference.ts';

const guest: CreateGuest = {
  vmid: 20_001,
  archive: 'local:vztmpl/containr-ab.tar',
  hostname: 'web-1',
  storage: 'local-lvm',
  rootfsGiB: 1.5,
  memoryMiB: 256,
  swapMiB: 0,
  cores: 1,
  cpuLimit: 0.5,
  architecture: 'arm64',
  net0: netText({ name: 'eth0', bridge: 'vmbr0', ip: 'dhcp' }),
  tags: ['containr', 'shop'],
  description: 'two\nlines',
  nameservers: ['10.0.0.1', '10.0.0.2'],
  searchDomain: 'lan',
};

describe('createParams', () => {
  it('makes an unprivileged guest whose files Proxmox leaves alone, and does not start it', () => {
    const params = createParams(guest);
    expect(params).toMatchObject({
      vmid: 20_001,
      ostemplate: 'local:vztmpl/containr-ab.tar',
      unprivileged: true,
      ostype: 'unmanaged',
      arch: 'arm64',
      rootfs: 'local-lvm:1.5',
      swap: 0,
      tags: 'containr;shop',
      nameserver: '10.0.0.1 10.0.0.2',
      onboot: true,
    });
    for (const name of ['start', 'features', 'force', 'lock', 'hookscript', 'password'])
      expect(params).not.toHaveProperty(name);
  });
});

const restored: RestoreGuest = {
  vmid: 20_002,
  backup: 'local:backup/vzdump-lxc-100-2026_01_01-00_00_00.tar.zst',
  hostname: 'data-keeper',
  storage: 'local-lvm',
  rootfsGiB: 2,
  mounts: { mp0: 'local-lvm:5,mp=/data,backup=1' },
  tags: ['containr'],
  description: 'a keeper',
};

describe('restoreParams', () => {
  it('restores to a free vmid only, says itself all that could start or keep the guest, and names every disk', () => {
    const params = restoreParams(restored);
    expect(params).toMatchObject({
      restore: true,
      unique: true,
      unprivileged: true,
      rootfs: 'local-lvm:2',
      mp0: 'local-lvm:5,mp=/data,backup=1',
      onboot: false,
      protection: false,
    });
    for (const name of ['start', 'force', 'lock', 'hookscript', 'features']) expect(params).not.toHaveProperty(name);
    for (const name of ['entrypoint', 'env', 'tags', 'description', 'hostname']) expect(params).toHaveProperty(name);
  });
});

describe('configParams', () => {
  it('says only what changes', () => {
    expect(configParams({ memoryMiB: 64, digest: 'x' })).toEqual({ memory: 64, digest: 'x' });
    expect(configParams({})).toEqual({});
  });

  it('joins the environment with NUL, and deletes an empty one', () => {
    expect(configParams({ env: ['A=1', 'B='] })).toEqual({ env: 'A=1\0B=' });
    expect(configParams({ env: [] })).toEqual({ delete: 'env' });
  });

  it('can empty tags and description', () => {
    expect(configParams({ tags: [], description: '' })).toEqual({ tags: '', description: '' });
  });
});

const calls = schemaCalls();

describe.skipIf(!calls)("Proxmox's own schema", () => {
  const propertiesOf = (method: string, path: string) =>
    calls?.find((call) => call.method === method && call.path === path)?.parameters.properties ?? {};

  it.each([
    ['POST', '/nodes/{node}/lxc', createParams(guest)],
    [
      'PUT',
      '/nodes/{node}/lxc/{vmid}/config',
      configParams({
        ...guest,
        entrypoint: '/sbin/x',
        env: ['A=1', 'B=two words'],
        onboot: false,
        digest: 'ab',
      }),
    ],
    ['POST', '/nodes/{node}/lxc', restoreParams(restored)],
    ['GET', '/nodes/{node}/vzdump/extractconfig', { volume: 'local:backup/x' }],
    ['DELETE', '/nodes/{node}/lxc/{vmid}', { purge: true }],
    ['POST', '/nodes/{node}/lxc/{vmid}/status/stop', { 'overrule-shutdown': true }],
    ['POST', '/nodes/{node}/lxc/{vmid}/status/shutdown', { forceStop: true, timeout: 30 }],
    ['GET', '/nodes/{node}/tasks', { source: 'active', vmid: 100 }],
    ['GET', '/nodes/{node}/tasks/{upid}/log', { start: 0, limit: 0 }],
    ['GET', '/nodes/{node}/storage/{storage}/content', { content: 'vztmpl' }],
    ['DELETE', '/nodes/{node}/storage/{storage}/content/{volume}', { delay: 5 }],
    [
      'POST',
      '/nodes/{node}/storage/{storage}/upload',
      { content: 'vztmpl', 'checksum-algorithm': 'sha256', checksum: 'ab', filename: 'x.tar' },
    ],
    [
      'POST',
      '/nodes/{node}/storage/{storage}/download-url',
      { url: 'http://x', content: 'vztmpl', filename: 'x.tar', checksum: 'ab', 'checksum-algorithm': 'sha256' },
    ],
  ])('knows every parameter of %s %s, and gets those it demands', (method, path, params) => {
    const properties = propertiesOf(method, path);
    expect(Object.keys(properties)).not.toEqual([]);
    for (const [name, value] of Object.entries(params)) {
      const property = properties[name] ?? properties[name.replace(/\d+$/, '[n]')];
      expect(property, name).toBeDefined();
      if (property?.enum) expect(property.enum).toContain(value);
      if (property?.pattern !== undefined) expect(String(value)).toMatch(new RegExp(`^${property.pattern}$`));
    }
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const demanded = Object.entries(properties).filter(([name, { optional }]) => !optional && !inPath.includes(name));
    for (const [name] of demanded) expect(params).toHaveProperty(name);
  });
});
