import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Settled } from './batcher.ts';
import type { Sql, Transaction } from './connect-postgres.ts';
import { decideBatch, mapKey, type AnyWrite, type DecidedBatch } from './decide-batch.ts';
import { CONTROLLER_LEASE } from './lease-store.ts';

/** The channel on which other processes hear of commits. */
export const CHANGES_CHANNEL = 'containr_changes';

interface CommitOptions {
  clock: Clock;
  newUid: () => string;
}

interface Committed {
  /** One for each write, in order. */
  settled: readonly Settled<void>[];
  changed: boolean;
}

const BigInteger = z.string().transform(BigInt);
const State = z.object({ version: BigInteger, epoch: BigInteger.nullable() });
const Row = z.object({
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  version: BigInteger,
  json: z.string(),
});

/** Decides and stores all of `writes` at once. A refused write has no effect on the others. */
export async function commitWrites(sql: Sql, writes: readonly AnyWrite[], options: CommitOptions): Promise<Committed> {
  const done = await tryToCommit(sql, writes, options);
  if (done) return done;
  // Another process was faster. Now with the lock from before the reading on, so that it cannot be again.
  return sql.begin('isolation level read committed', async (transaction) => {
    await transaction`SELECT 1 FROM store_state FOR UPDATE`;
    const committed = await tryToCommit(transaction, writes, options);
    if (!committed) throw new Error('Somebody wrote to the store without holding its lock.');
    return committed;
  });
}

/** Undefined when what was read was no longer current when it came to storing; then nothing is stored. */
async function tryToCommit(
  sql: Sql | Transaction,
  writes: readonly AnyWrite[],
  options: CommitOptions,
): Promise<Committed | undefined> {
  // Sent at once, carried out in this order: objects are never older than the version read before them.
  const [{ version, epoch }, current] = await Promise.all([readState(sql), readCurrent(sql, writes)]);
  const batch = decideBatch(writes, { ...options, current, version, epoch: epoch ?? undefined });
  if (batch.revisions.length === 0) return { settled: batch.settled, changed: false };
  const rows = await sql`
    SELECT commit_batch(${String(version)}, ${epoch === null ? null : String(epoch)}, ${toJson(batch)}::text::json) AS done`;
  const [result] = z.array(z.object({ done: z.boolean() })).parse([...rows]);
  return result?.done ? { settled: batch.settled, changed: true } : undefined;
}

async function readState(sql: Sql | Transaction): Promise<z.output<typeof State>> {
  const rows = await sql`
    SELECT version, (SELECT epoch FROM leases WHERE name = ${CONTROLLER_LEASE}) FROM store_state`;
  const [state] = z.array(State).parse([...rows]);
  if (!state) throw new Error('The table store_state is empty.');
  return state;
}

async function readCurrent(sql: Sql | Transaction, writes: readonly AnyWrite[]) {
  const keys = [...new Map(writes.map(({ kind, key }) => [mapKey(kind, key), { kind, key }])).values()];
  const rows = await sql`
    SELECT r.kind, r.namespace, r.name, r.version, r.object::text AS json
    FROM unnest(
      ${keys.map(({ kind }) => kind)}::text[],
      ${keys.map(({ key }) => key.namespace ?? '')}::text[],
      ${keys.map(({ key }) => key.name)}::text[]
    ) AS k (kind, namespace, name)
    JOIN revisions AS r ON r.kind = k.kind COLLATE "C" AND r.namespace = k.namespace COLLATE "C"
      AND r.name = k.name COLLATE "C" AND r.superseded_by IS NULL`;
  return new Map(
    z
      .array(Row)
      .parse([...rows])
      .map((row) => [mapKey(row.kind, row), row]),
  );
}

/** As `commit_batch` reads it. Objects are text in it, so that nothing in them means anything to PostgreSQL. */
function toJson({ revisions, superseded, audit }: DecidedBatch): string {
  return JSON.stringify({
    superseded: superseded.map(({ version, by }) => ({ version: String(version), by: String(by) })),
    revisions: revisions.map(({ version, supersededBy, change, kind, key, object: { metadata }, json }) => ({
      version: String(version),
      superseded_by: supersededBy === undefined ? null : String(supersededBy),
      change,
      kind,
      namespace: key.namespace ?? '',
      name: key.name,
      uid: metadata.uid,
      deleting: metadata.deletionTimestamp !== undefined,
      finalizers: metadata.finalizers ?? [],
      owners: (metadata.ownerReferences ?? []).map(({ uid }) => plain(uid)),
      object: json,
    })),
    audit: audit.map(({ user, manager, address, userAgent, requestId, resourceVersion, changed, ...what }) => ({
      ...what,
      user: user && plain(user),
      manager: plain(manager),
      address,
      user_agent: userAgent && plain(userAgent),
      request_id: requestId && plain(requestId),
      version: resourceVersion,
      changed: changed.map(plain),
    })),
  });
}

/** Text that PostgreSQL can hold; what it cannot means nothing to anybody here. */
function plain(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed();
}
