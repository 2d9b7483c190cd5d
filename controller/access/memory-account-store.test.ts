import { describe } from 'vitest';
import { accountStoreConformance } from '../../test/conformance/account-store.ts';
import { createMemoryAccountStore } from './memory-account-store.ts';
import { MemoryAuditLog } from './memory-audit-log.ts';

describe('createMemoryAccountStore', () => {
  accountStoreConformance(async (clock) => {
    const audit = new MemoryAuditLog();
    return { accounts: createMemoryAccountStore({ clock, audit }), audit };
  });
});
