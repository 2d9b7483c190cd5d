import { afterEach, describe, expect, it } from 'vitest';
import { leaseStoreConformance } from '../../../test/conformance/lease-store.ts';
import { FakeClock } from '../../../test/harness/fake-clock.ts';
import { serveKubernetesApi, type KubernetesApi } from '../../../test/harness/kubernetes-api.ts';
import { createKubernetesLeaseStore } from './kubernetes-lease-store.ts';

const LONG = 60_000;

describe('createKubernetesLeaseStore', () => {
  const servers: KubernetesApi[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  async function serve(): Promise<KubernetesApi> {
    const api = await serveKubernetesApi();
    servers.push(api);
    return api;
  }

  leaseStoreConformance(async () => {
    const clock = new FakeClock();
    const client = (await serve()).client();
    return { leases: createKubernetesLeaseStore({ client, clock }), pass: (ms) => clock.advance(ms) };
  });

  it('takes over a lease of another process only after seeing it unchanged for as long as it lasts', async () => {
    const api = await serve();
    const clock = new FakeClock();
    const one = createKubernetesLeaseStore({ client: api.client(), clock: new FakeClock() });
    const two = createKubernetesLeaseStore({ client: api.client(), clock });
    await one.acquire('controller', 'one', 10_000);
    await clock.advance(LONG);
    expect(await two.acquire('controller', 'two', LONG)).toEqual({ heldBy: 'one' });
    await clock.advance(9_000);
    await one.renew('controller', 'one', 1n, 10_000);
    expect(await two.acquire('controller', 'two', LONG)).toEqual({ heldBy: 'one' });
    await clock.advance(9_999);
    expect(await two.acquire('controller', 'two', LONG)).toEqual({ heldBy: 'one' });
    await clock.advance(1);
    expect(await two.acquire('controller', 'two', LONG)).toEqual({ epoch: 2n });
    expect(await one.renew('controller', 'one', 1n, LONG)).toBe(false);
  });

  it('tells the epoch that fences writes, also when nobody holds the lease', async () => {
    const leases = createKubernetesLeaseStore({ client: (await serve()).client(), clock: new FakeClock() });
    expect(await leases.epochOf('controller')).toBeUndefined();
    await leases.acquire('controller', 'one', LONG);
    await leases.release('controller', 'one', 1n);
    expect(await leases.epochOf('controller')).toBe(1n);
  });

  it('answers Unavailable when the API server is gone', async () => {
    const api = await serveKubernetesApi();
    const leases = createKubernetesLeaseStore({ client: api.client(), clock: new FakeClock() });
    await api.close();
    await expect(leases.acquire('controller', 'one', LONG)).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
