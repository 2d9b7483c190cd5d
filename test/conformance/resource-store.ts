import { describe } from 'vitest';
import { auditBehaviour } from './store/audit.ts';
import { concurrencyBehaviour } from './store/concurrency.ts';
import { deletionBehaviour } from './store/deletion.ts';
import type { MakeStore } from './store/fixtures.ts';
import { garbageBehaviour } from './store/garbage.ts';
import { listBehaviour } from './store/lists.ts';
import { modelBehaviour } from './store/model.ts';
import { versionBehaviour } from './store/versions.ts';
import { watchBehaviour } from './store/watches.ts';
import { writeBehaviour } from './store/writes.ts';

interface ConformanceOptions {
  /** How many random histories the model is compared over. */
  histories?: number;
  /** How often each of the 50 concurrent writers writes. */
  writesEach?: number;
  /** Whether a fenced write and the look at the lease are one step; true. */
  fencesAtomically?: boolean;
  /** Whether objects of any kind can be stored, also of one that is known to the test alone; true. */
  storesAnyKind?: boolean;
}

/** The promises of `ResourceStore`, to be kept by every implementation. `make` answers an empty store of its own each time. */
export function resourceStoreConformance(make: MakeStore, options: ConformanceOptions = {}): void {
  const { histories = 100, writesEach = 20, fencesAtomically = true, storesAnyKind = true } = options;
  describe('writing', () => writeBehaviour(make));
  describe('deleting', () => deletionBehaviour(make));
  describe('collecting garbage', () => garbageBehaviour(make));
  describe('listing', () => listBehaviour(make));
  describe('watching', () => watchBehaviour(make));
  describe('auditing', () => auditBehaviour(make));
  if (storesAnyKind) describe('objects of another version', () => versionBehaviour(make));
  describe('any history', () => modelBehaviour(make, histories));
  describe('many writers at once', () => concurrencyBehaviour(make, { writesEach, fencesAtomically }));
}
