import { expect, it } from 'vitest';
import type { LeaseStore } from '../../controller/store/lease-store.ts';

/** A store of leases, and its clock made to move on. */
export interface LeasesUnderTest {
  leases: LeaseStore;
  pass(ms: number): Promise<void>;
}

const LONG = 60_000;

/** The promises of `LeaseStore`. `make` answers an empty store each time. */
export function leaseStoreConformance(make: () => Promise<LeasesUnderTest>): void {
  it('gives a lease to one holder, and names it to the others', async () => {
    const { leases } = await make();
    expect(await leases.acquire('controller', 'one', LONG)).toEqual({ epoch: 1n });
    expect(await leases.acquire('controller', 'two', LONG)).toEqual({ heldBy: 'one' });
    expect(await leases.acquire('other', 'two', LONG)).toEqual({ epoch: 1n });
  });

  it('gives it to exactly one of many that ask at once', async () => {
    const { leases } = await make();
    const asked = await Promise.all(
      Array.from({ length: 10 }, (_, index) => leases.acquire('controller', `holder ${index}`, LONG)),
    );
    expect(asked.filter((answer) => 'epoch' in answer)).toEqual([{ epoch: 1n }]);
  });

  it('lets another take over when it ran out, with a higher epoch', async () => {
    const { leases, pass } = await make();
    await leases.acquire('controller', 'one', 50);
    await pass(60);
    expect(await leases.acquire('controller', 'two', LONG)).toEqual({ epoch: 2n });
    expect(await leases.renew('controller', 'one', 1n, LONG)).toBe(false);
  });

  it('lasts as long as it is renewed', async () => {
    const { leases, pass } = await make();
    await leases.acquire('controller', 'one', 50);
    expect(await leases.renew('controller', 'one', 1n, LONG)).toBe(true);
    await pass(60);
    expect(await leases.acquire('controller', 'two', LONG)).toEqual({ heldBy: 'one' });
  });

  it('renews one that ran out but that nobody took', async () => {
    const { leases, pass } = await make();
    await leases.acquire('controller', 'one', 20);
    await pass(40);
    expect(await leases.renew('controller', 'one', 1n, LONG)).toBe(true);
    expect(await leases.acquire('controller', 'two', LONG)).toEqual({ heldBy: 'one' });
  });

  it('renews for the holder of the epoch only', async () => {
    const { leases } = await make();
    await leases.acquire('controller', 'one', LONG);
    expect(await leases.renew('controller', 'two', 1n, LONG)).toBe(false);
    expect(await leases.renew('controller', 'one', 2n, LONG)).toBe(false);
    expect(await leases.renew('nothing', 'one', 1n, LONG)).toBe(false);
  });

  it('lets a holder that begins anew take over from itself', async () => {
    const { leases } = await make();
    await leases.acquire('controller', 'one', LONG);
    expect(await leases.acquire('controller', 'one', LONG)).toEqual({ epoch: 2n });
    expect(await leases.renew('controller', 'one', 1n, LONG)).toBe(false);
  });

  it('is free at once when it is released, by its holder only', async () => {
    const { leases } = await make();
    await leases.acquire('controller', 'one', LONG);
    await leases.release('controller', 'two', 1n);
    await leases.release('controller', 'one', 7n);
    expect(await leases.acquire('controller', 'two', LONG)).toEqual({ heldBy: 'one' });
    await leases.release('controller', 'one', 1n);
    expect(await leases.renew('controller', 'one', 1n, LONG)).toBe(false);
    expect(await leases.acquire('controller', 'two', LONG)).toEqual({ epoch: 2n });
  });
}
