import { describe } from 'vitest';
import { leaseStoreConformance } from '../../test/conformance/lease-store.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { MemoryLeaseStore } from './lease-store.ts';

describe('MemoryLeaseStore', () => {
  leaseStoreConformance(async () => {
    const clock = new FakeClock();
    return { leases: new MemoryLeaseStore(clock), pass: (ms) => clock.advance(ms) };
  });
});
