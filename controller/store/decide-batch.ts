import { auditRecord } from '../access/audit-record.ts';
import type { AuditEntry } from '../access/audit-log.ts';
import type { Clock } from '../clock.ts';
import type { Write } from './backend.ts';
import type { Settled } from './batcher.ts';
import type { StoredObject } from './decision.ts';
import { fenced } from './refusals.ts';
import type { ChangeType, ObjectKey } from './store.ts';

export type AnyWrite = Write<StoredObject>;

/** A version of an object that is to be stored. */
export interface NewRevision {
  version: bigint;
  /** Itself for a deletion, a later write of the same batch, or nothing. */
  supersededBy: bigint | undefined;
  change: ChangeType;
  kind: string;
  key: ObjectKey;
  object: StoredObject;
  json: string;
}

/** What an object is at. */
export interface CurrentRevision {
  version: bigint;
  json: string;
}

export interface DecidedBatch {
  /** One for each write, in order. */
  settled: Settled<void>[];
  revisions: NewRevision[];
  /** Versions stored before the batch that it supersedes. */
  superseded: { version: bigint; by: bigint }[];
  audit: Omit<AuditEntry, 'id' | 'time'>[];
}

interface BatchContext {
  /** By `mapKey`, of every object that the batch writes to and that exists. */
  current: ReadonlyMap<string, CurrentRevision>;
  /** Of the leader; undefined before the first. */
  epoch: bigint | undefined;
  /** The newest version given so far. */
  version: bigint;
  clock: Clock;
  newUid: () => string;
}

/** Decides writes one after the other, each on what those before it left. Only assigns versions; stores nothing. */
export function decideBatch(writes: readonly AnyWrite[], context: BatchContext): DecidedBatch {
  const batch: DecidedBatch = { settled: [], revisions: [], superseded: [], audit: [] };
  const pending = new Map<string, NewRevision>();
  for (const write of writes) {
    const id = mapKey(write.kind, write.key);
    const earlier = pending.get(id);
    const stored = earlier ? (earlier.change === 'DELETED' ? undefined : earlier) : context.current.get(id);
    const { fence, manager } = write.writer;
    if (fence !== undefined && fence !== context.epoch) {
      batch.settled.push({ ok: false, error: fenced(fence, context.epoch) });
      continue;
    }
    const decision = write.decide(stored?.json, { now: context.clock.now(), manager, newUid: context.newUid });
    if (decision.type === 'refused') {
      batch.settled.push({ ok: false, error: decision.fault });
      continue;
    }
    batch.settled.push({ ok: true, answer: undefined });
    if (decision.type === 'unchanged' || write.dryRun) continue;

    const version = context.version + BigInt(batch.revisions.length + 1);
    const { object } = decision;
    object.metadata.resourceVersion = String(version);
    const change = decision.type === 'removed' ? 'DELETED' : decision.change;
    const supersededBy = change === 'DELETED' ? version : undefined;
    const revision: NewRevision = {
      version,
      supersededBy,
      change,
      kind: write.kind,
      key: write.key,
      object,
      json: JSON.stringify(object),
    };
    if (earlier && stored) earlier.supersededBy = version;
    else if (stored) batch.superseded.push({ version: stored.version, by: version });
    batch.revisions.push(revision);
    pending.set(id, revision);
    const record = auditRecord(write, { before: stored?.json, after: object });
    if (record) batch.audit.push(record);
  }
  return batch;
}

export function mapKey(kind: string, { namespace = '', name }: ObjectKey): string {
  return `${kind}/${namespace}/${name}`;
}
