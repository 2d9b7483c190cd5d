import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Resource } from '../../crds/define-kind.ts';
import type { MemoryAuditLog } from '../access/memory-audit-log.ts';
import { systemClock, type Clock } from '../clock.ts';
import { ChangeTail } from './change-tail.ts';
import type { MemoryLeaseStore } from './lease-store.ts';
import { MemoryBackend } from './memory-backend.ts';
import { createResourceStore } from './resource-store.ts';
import type { ResourceStore } from './store.ts';

interface MemoryStoreOptions {
  clock?: Clock;
  /** Forgets older changes on its own beyond this many; default 10,000. */
  keepChanges?: number;
  /** Whose epochs fence writes. Without it every fenced write is refused. */
  leases?: MemoryLeaseStore;
  audit?: MemoryAuditLog;
  /** What it holds from the beginning, as another store held it; only the versions are its own. */
  objects?: readonly Resource[];
  newUid?: () => string;
  log?: Pick<Logger, 'error' | 'warn' | 'info'>;
}

/** The whole contract of `ResourceStore` in this process' memory: for tests, and for trying things out. */
export function createMemoryStore({
  clock = systemClock,
  newUid = randomUUID,
  ...options
}: MemoryStoreOptions = {}): ResourceStore {
  const { keepChanges = 10_000, leases, audit, objects = [], log } = options;
  const backend = new MemoryBackend({
    clock,
    newUid,
    keepChanges,
    leases,
    audit,
    objects,
    committed: (changes) => tail.offer(changes),
  });
  const tail = new ChangeTail({ readChanges: (after, limit) => backend.readChanges(after, limit), clock, log });
  return createResourceStore({ backend, tail, log });
}
