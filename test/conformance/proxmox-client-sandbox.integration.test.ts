import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClusterObserver } from '../../reconcilers/providers/proxmox/cluster-observer.ts';
import { missingPrivileges } from '../../reconcilers/providers/proxmox/permissions.ts';
import { createProxmoxClient } from '../../reconcilers/providers/proxmox/proxmox-client.ts';
import { meaningOfExit } from '../../reconcilers/providers/proxmox/refusals.ts';
import { systemClock } from '../../controller/clock.ts';
import { createSimulatedEngine } from '../../sandbox/simulated/simulated-engine.ts';
import { sandboxUnderTest, type SandboxUnderTest } from './proxmox/sandbox-under-test.ts';
import { ProxmoxBench } from './proxmox/under-test.ts';
import { proxmoxClientConformance } from './proxmox-client.ts';

const engine = async (stateDir: string) => createSimulatedEngine({ stateDir });

describe('the sandbox with simulated guests, through the client', () => {
  proxmoxClientConformance(() => sandboxUnderTest({ engine }));
});

describe('the client on a bad day', () => {
  let under: SandboxUnderTest;
  let bench: ProxmoxBench;

  beforeAll(async () => {
    under = await sandboxUnderTest({ engine, sandbox: { endpoints: 2, lockWaitMs: 200, authDelayMs: 10 } });
    bench = new ProxmoxBench(under);
  });
  afterAll(async () => {
    under.sandbox.faults.clear();
    await bench.clean();
    await under.close();
  });

  const createCall = { method: 'POST', path: '/nodes/pve1/lxc' } as const;

  it.each([
    ['the connection broke', { do: 'drop', when: 'after' }],
    ['the node took too long', { do: 'proxy-timeout' }],
  ] as const)('does not know whether a guest was made when %s, and finds it afterwards', async (_, effect) => {
    const { client, node, signal } = bench;
    const vmid = bench.freshVmid();
    const wanted = bench.wanted(vmid, await bench.placed());
    under.sandbox.faults.onCall({ match: createCall, effect, times: 1 });
    await expect(client.createGuest(node, wanted, signal)).rejects.toMatchObject({ meaning: 'noAnswer' });
    await under.sandbox.settle();
    expect(await client.guestConfig(node, vmid, signal)).toMatchObject({ hostname: wanted.hostname });
    await expect(client.createGuest(node, wanted, signal)).rejects.toMatchObject({ meaning: 'exists' });
  });

  it('makes nothing when the connection broke before the call arrived, and says that it may have', async () => {
    const { client, node, signal } = bench;
    const vmid = bench.freshVmid();
    under.sandbox.faults.onCall({ match: createCall, effect: { do: 'drop', when: 'before' }, times: 1 });
    const create = client.createGuest(node, bench.wanted(vmid, await bench.placed()), signal);
    await expect(create).rejects.toThrow('It may have been done all the same.');
    await expect(client.guestConfig(node, vmid, signal)).rejects.toMatchObject({ meaning: 'absent' });
  });

  it('reads on when a connection breaks now and then', async () => {
    const { client, signal } = bench;
    under.sandbox.faults.onCall({ match: { method: 'GET' }, effect: { do: 'drop', when: 'before' }, times: 2 });
    expect((await client.resources(signal)).nodes).toHaveLength(1);
  });

  it('says that a storage is full', async () => {
    const { client, node, signal } = bench;
    const error = 'unable to create CT 1 - unable to create image: No space left on device';
    under.sandbox.faults.onTask({ match: { type: 'vzcreate' }, error, times: 1 });
    const upid = await client.createGuest(node, bench.wanted(bench.freshVmid(), await bench.placed()), signal);
    const { ok, exit } = await bench.ended(upid);
    expect([ok, meaningOfExit(exit)]).toEqual([false, 'storageFull']);
  });

  it('meets the lock that a killed task left, and names it', async () => {
    const { client, node, signal } = bench;
    const vmid = bench.freshVmid();
    under.sandbox.faults.onTask({ match: { type: 'vzcreate' }, killed: true, times: 1 });
    const upid = await client.createGuest(node, bench.wanted(vmid, await bench.placed()), signal);
    expect(await bench.ended(upid)).toMatchObject({ ok: false });
    expect(await client.guestConfig(node, vmid, signal)).toMatchObject({ lock: 'create', tags: [] });
    await expect(client.destroyGuest(node, vmid, signal)).rejects.toMatchObject({ meaning: 'locked', lock: 'create' });
  });

  it('does not wait for a guest that a task holds', async () => {
    const { client, node, signal } = bench;
    const vmid = await bench.made();
    under.sandbox.faults.onTask({ match: { type: 'vzstart' }, extraMs: 1_500, times: 1 });
    await client.startGuest(node, vmid, signal);
    const change = client.configureGuest(node, vmid, { memoryMiB: 80 }, signal);
    await expect(change).rejects.toMatchObject({ meaning: 'busy' });
    expect(await client.runningTasks(node, vmid, signal)).toMatchObject([{ type: 'vzstart' }]);
    await under.sandbox.settle();
  });

  it('finds the role of the documentation sufficient, and says what is missing of a poorer one', async () => {
    const { client, node, signal } = bench;
    const needs = { storages: under.storages, bridge: under.bridge, nodes: [node], downloads: true };
    expect(missingPrivileges(await client.permissions(signal), needs)).toEqual([]);

    const tokenSecret = await under.sandbox.addToken('poor@pve', 'main', { privsep: false });
    under.sandbox.setRole('Looker', ['VM.Audit', 'Sys.Audit']);
    under.sandbox.setAcl('/', 'poor@pve', 'Looker');
    const { url, fingerprint } = under.sandbox;
    const poor = createProxmoxClient({ endpoints: [url], tokenId: 'poor@pve!main', tokenSecret, tls: { fingerprint } });
    const missing = missingPrivileges(await poor.permissions(signal), needs);
    expect(missing.map(({ path }) => path)).toEqual([
      '/vms',
      '/storage/local',
      '/sdn/zones/localnetwork/vmbr0',
      '/nodes/pve1',
    ]);
    const vmid = await bench.made();
    await expect(poor.startGuest(node, vmid, signal)).rejects.toMatchObject({
      meaning: 'forbidden',
      missing: `/vms/${vmid}, VM.PowerMgmt`,
    });
    await poor.close();
  });

  it('is told apart when its token is wrong', async () => {
    const { url, fingerprint } = under.sandbox;
    const options = { endpoints: [url], tokenId: 'containr@pve!main', tls: { fingerprint } };
    const stranger = createProxmoxClient({ ...options, tokenSecret: '00000000-0000-0000-0000-000000000000' });
    const refused = stranger.version(bench.signal);
    await expect(refused).rejects.toMatchObject({ meaning: 'unauthenticated', code: 'Denied' });
    await stranger.close();
  });

  it('sees through the shared look what becomes of a guest', async () => {
    const seen: number[][] = [];
    const observer = createClusterObserver({
      client: under.client,
      intervalMs: 50,
      clock: systemClock,
      onChange: (vmids) => seen.push([...vmids]),
    });
    const vmid = await bench.made();
    const view = await observer.refresh(bench.signal);
    expect(view).toMatchObject({ fresh: true });
    expect(view?.resources.guests.find((guest) => guest.vmid === vmid)).toMatchObject({ lock: undefined });
    await bench.succeeded(await bench.client.destroyGuest(bench.node, vmid, bench.signal));
    const after = await observer.refresh(bench.signal);
    expect(after?.resources.guests.some((guest) => guest.vmid === vmid)).toBe(false);
    expect(seen.flat()).toContain(vmid);
    observer.stop();
  });
});
