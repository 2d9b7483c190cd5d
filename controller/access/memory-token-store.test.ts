import { describe } from 'vitest';
import { tokenStoreConformance } from '../../test/conformance/token-store.ts';
import { createMemoryTokenStore } from './memory-token-store.ts';

describe('createMemoryTokenStore', () => {
  tokenStoreConformance(async (clock) => createMemoryTokenStore({ clock }));
});
