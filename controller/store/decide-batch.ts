import { auditRecord, type AuditRecord } from '../access/audit-record.ts';
import type { Clock } from '../clock.ts';
import type { Accepted, Write } from './backend.ts';
import type { Settled } from './batcher.ts';
import type { DecisionContext, StoredObject } from './decision.ts';
import { fenced } from './refusals.ts';
import type { ChangeType, ObjectKey } from './store.ts';
import { storedJson, type Stored } from './stored.ts';

/** A write of whatever kind. */
export type AnyWrite = Write<StoredObject>;

/** A new version of an object, to be stored at its place in the order of the batch. */
export interface NewRevision {
  /** What it was decided on; undefined when there was no such object. */
  previous: Stored | undefined;
  change: ChangeType;
  kind: string;
  key: ObjectKey;
  /** Still with the version before. */
  object: StoredObject;
  json: string;
  isWhole: boolean;
  audit: AuditRecord | undefined;
}

/** What a batch of writes comes to. */
export interface DecidedBatch {
  /** By place in `writes`; undefined for those that have to wait for the next batch. */
  settled: (Settled<void> | undefined)[];
  revisions: NewRevision[];
  /** The epoch that a write of the batch relied on. */
  fence: bigint | undefined;
}

interface BatchContext {
  /** By `mapKey`, of every object that the batch writes to and that exists. */
  current: ReadonlyMap<string, Stored>;
  /** Of the leader; undefined before the first. */
  epoch: bigint | undefined;
  clock: Clock;
  newUid: () => string;
}

/** Decides writes on what is stored, at most one change to an object: further ones are to be decided on what this one makes. */
export function decideBatch(
  writes: readonly AnyWrite[],
  { current, epoch, clock, newUid }: BatchContext,
): DecidedBatch {
  const batch: DecidedBatch = { settled: [], revisions: [], fence: undefined };
  const changed = new Set<string>();
  for (const write of writes) {
    const id = mapKey(write.kind, write.key);
    if (changed.has(id)) {
      batch.settled.push(undefined);
      continue;
    }
    const stored = current.get(id);
    const decision = decideOne(write, stored, { epoch, now: clock.now(), manager: write.writer.manager, newUid });
    if (decision.type === 'failed') {
      batch.settled.push({ ok: false, error: decision.error });
      continue;
    }
    batch.settled.push({ ok: true, answer: undefined });
    if (decision.type === 'unchanged' || write.dryRun) continue;
    changed.add(id);
    batch.fence ??= write.writer.fence;
    const { object } = decision;
    batch.revisions.push({
      previous: stored,
      change: decision.type === 'removed' ? 'DELETED' : decision.change,
      kind: write.kind,
      key: write.key,
      object,
      json: storedJson(object),
      isWhole: write.isWhole,
      audit: auditRecord(write, { before: stored?.json, after: object }),
    });
  }
  return batch;
}

/** Whatever goes wrong with one write is its own affair. */
function decideOne(
  write: AnyWrite,
  stored: Stored | undefined,
  { epoch, ...context }: DecisionContext & { epoch: bigint | undefined },
): Accepted<StoredObject> | { type: 'failed'; error: unknown } {
  const { fence } = write.writer;
  if (fence !== undefined && fence !== epoch) return { type: 'failed', error: fenced(fence, epoch) };
  try {
    const decision = write.decide(stored, context);
    return decision.type === 'refused' ? { type: 'failed', error: decision.fault } : decision;
  } catch (error) {
    return { type: 'failed', error };
  }
}

/** What identifies an object in a map. */
export function mapKey(kind: string, { namespace = '', name }: ObjectKey): string {
  return `${kind}/${namespace}/${name}`;
}
