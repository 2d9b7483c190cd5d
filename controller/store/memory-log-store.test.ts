import { describe } from 'vitest';
import { logStoreConformance } from '../../test/conformance/log-store.ts';
import { createMemoryLogStore } from './memory-log-store.ts';

describe('createMemoryLogStore', () => {
  logStoreConformance(async () => createMemoryLogStore());
});
