import { expect, it } from 'vitest';
import type { ProxmoxBench } from './under-test.ts';

/** What can be read of a cluster. */
export function readingBehaviour(bench: () => ProxmoxBench): void {
  it('tells its version', async () => {
    const { client, signal } = bench();
    const { version, release } = await client.version(signal);
    expect(version).toMatch(/^\d+\.\d+/);
    expect(version.startsWith(release)).toBe(true);
  });

  it('knows its node as online, in the state of the cluster and in the list', async () => {
    const { client, node, signal } = bench();
    expect((await client.clusterStatus(signal)).nodes).toContainEqual({ node, online: true });
    expect((await client.clusterStatus(signal)).quorate).not.toBe(false);
    const listed = (await client.resources(signal)).nodes.find((one) => one.node === node);
    expect(listed?.online).toBe(true);
    expect(listed?.maxMemoryBytes).toBeGreaterThan(0);
  });

  it('lists storages with their content and room', async () => {
    const { client, node, under, signal } = bench();
    const storages = (await client.resources(signal)).storages.filter((one) => one.node === node);
    const templates = storages.find(({ storage }) => storage === under.storages.templates);
    const rootfs = storages.find(({ storage }) => storage === under.storages.rootfs);
    expect(templates).toMatchObject({ available: true });
    expect(templates?.content).toContain('vztmpl');
    expect(rootfs?.content).toContain('rootdir');
    expect(rootfs?.totalBytes).toBeGreaterThan(0);
  });

  it('lists the bridge', async () => {
    const { client, node, under, signal } = bench();
    expect(await client.bridges(node, signal)).toContain(under.bridge);
  });

  it('tells what the token may do', async () => {
    const { client, signal } = bench();
    const permissions = await client.permissions(signal);
    expect(Object.values(permissions).some((privileges) => 'VM.Audit' in privileges)).toBe(true);
  });

  it('gives up when its caller does', async () => {
    const { client } = bench();
    await expect(client.resources(AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
  });

  it('says of a task that never was that it is unknown', async () => {
    const { client, node, signal } = bench();
    const upid = `UPID:${node}:0000AAAA:0000AAAA:6B000000:vzstart:100:nobody@pve!x:`;
    expect(await client.task(upid, signal)).toEqual({ status: 'unknown' });
  });
}
