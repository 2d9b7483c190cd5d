import { describe } from 'vitest';
import { tokenStoreConformance } from '../../test/conformance/token-store.ts';
import { createMemoryAccountStore } from './memory-account-store.ts';
import { MemoryAuditLog } from './memory-audit-log.ts';
import { createMemoryTokenStore } from './memory-token-store.ts';

describe('createMemoryTokenStore', () => {
  tokenStoreConformance(async (clock) => {
    const audit = new MemoryAuditLog();
    const accounts = createMemoryAccountStore({ clock });
    return { audit, accounts, tokens: createMemoryTokenStore({ clock, accounts, audit }) };
  });
});
