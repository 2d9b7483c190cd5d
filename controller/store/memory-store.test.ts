import { describe } from 'vitest';
import { MemoryAuditLog } from '../access/memory-audit-log.ts';
import { systemClock } from '../clock.ts';
import { resourceStoreConformance } from '../../test/conformance/resource-store.ts';
import { MemoryLeaseStore } from './lease-store.ts';
import { createMemoryStore } from './memory-store.ts';

describe('createMemoryStore', () => {
  resourceStoreConformance(async () => {
    const leases = new MemoryLeaseStore(systemClock);
    const audit = new MemoryAuditLog();
    return { store: createMemoryStore({ leases, audit }), leases, audit };
  });
});
