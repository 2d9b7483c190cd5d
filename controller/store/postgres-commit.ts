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

const BigInteger = z.string().transform(BigInt);
const State = z.object({ version: BigInteger });
const Lease = z.object({ epoch: BigInteger });
const Row = z.object({
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  version: BigInteger,
  json: z.string(),
});

/** Decides and stores all of `writes` in one transaction. A refused write has no effect on the others. */
export async function commitWrites(
  sql: Sql,
  writes: readonly AnyWrite[],
  { clock, newUid }: CommitOptions,
): Promise<{ settled: readonly Settled<void>[]; changed: boolean }> {
  return sql.begin('isolation level read committed', async (transaction) => {
    // Sent at once, carried out one after the other. Once we hold the lock nobody else commits until we do, and what is read
    // after it is what was committed last.
    const [states, leases, rows] = await Promise.all([
      transaction`SELECT version FROM store_state FOR UPDATE`,
      transaction`SELECT epoch FROM leases WHERE name = ${CONTROLLER_LEASE}`,
      readCurrent(transaction, writes),
    ]);
    const [state] = z.array(State).parse([...states]);
    if (!state) throw new Error('The table store_state is empty.');
    const current = new Map(rows.map((row) => [mapKey(row.kind, row), row]));
    const epoch = z.array(Lease).parse([...leases])[0]?.epoch;
    const batch = decideBatch(writes, { current, epoch, version: state.version, clock, newUid });
    const last = batch.revisions.at(-1);
    if (!last) return { settled: batch.settled, changed: false };
    await Promise.all([
      supersede(transaction, batch),
      insertRevisions(transaction, batch),
      insertAudit(transaction, batch),
      transaction`UPDATE store_state SET version = ${String(last.version)}`,
      transaction`SELECT pg_notify(${CHANGES_CHANNEL}, '')`,
    ]);
    return { settled: batch.settled, changed: true };
  });
}

async function readCurrent(sql: Transaction, writes: readonly AnyWrite[]) {
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
  return z.array(Row).parse([...rows]);
}

/** Before the insert: an object has one current revision at a time. */
async function supersede(sql: Transaction, { superseded }: DecidedBatch): Promise<void> {
  if (superseded.length === 0) return;
  await sql`
    UPDATE revisions AS r SET superseded_by = n.by
    FROM unnest(
      ${superseded.map(({ version }) => String(version))}::bigint[],
      ${superseded.map(({ by }) => String(by))}::bigint[]
    ) AS n (version, by)
    WHERE r.version = n.version`;
}

async function insertRevisions(sql: Transaction, { revisions }: DecidedBatch): Promise<void> {
  const text = (of: (revision: (typeof revisions)[number]) => string | null) => revisions.map((each) => of(each));
  await sql`
    INSERT INTO revisions (version, superseded_by, change, kind, namespace, name, uid, deleting, finalizers, owners, object)
    SELECT version, superseded_by, change, kind, namespace, name, uid, deleting::boolean, string_to_array(finalizers, ' '),
      string_to_array(owners, ' '), object::json
    FROM unnest(
      ${text(({ version }) => String(version))}::bigint[],
      ${text(({ supersededBy }) => (supersededBy === undefined ? null : String(supersededBy)))}::bigint[],
      ${text(({ change }) => change)}::text[],
      ${text(({ kind }) => kind)}::text[],
      ${text(({ key }) => key.namespace ?? '')}::text[],
      ${text(({ key }) => key.name)}::text[],
      ${text(({ object }) => object.metadata.uid)}::text[],
      ${text(({ object }) => String(object.metadata.deletionTimestamp !== undefined))}::text[],
      ${text(({ object }) => words(object.metadata.finalizers))}::text[],
      ${text(({ object }) => words(object.metadata.ownerReferences?.map(({ uid }) => uid)))}::text[],
      ${text(({ json }) => json)}::text[]
    ) AS new (version, superseded_by, change, kind, namespace, name, uid, deleting, finalizers, owners, object)`;
}

async function insertAudit(sql: Transaction, { audit }: DecidedBatch): Promise<void> {
  if (audit.length === 0) return;
  const text = (of: (entry: (typeof audit)[number]) => string | undefined) =>
    audit.map((each) => of(each)?.replaceAll('\u0000', '') ?? null);
  await sql`
    INSERT INTO audit ("user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, version, changed)
    SELECT "user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, version,
      string_to_array(changed, E'\n')
    FROM unnest(
      ${text(({ user }) => user)}::text[],
      ${text(({ manager }) => manager)}::text[],
      ${text(({ address }) => address)}::text[],
      ${text(({ userAgent }) => userAgent)}::text[],
      ${text(({ requestId }) => requestId)}::text[],
      ${text(({ action }) => action)}::text[],
      ${text(({ kind }) => kind)}::text[],
      ${text(({ namespace }) => namespace)}::text[],
      ${text(({ name }) => name)}::text[],
      ${text(({ uid }) => uid)}::text[],
      ${text(({ resourceVersion }) => resourceVersion)}::bigint[],
      ${text(({ changed }) => changed.map((path) => path.replaceAll('\n', ' ')).join('\n'))}::text[]
    ) AS new ("user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, version, changed)`;
}

/** A list as one text. No uid that the store gave and no finalizer holds a space; what does is nobody's. */
function words(list: readonly string[] | undefined): string {
  return (list ?? []).map((word) => (/^[!-~]+$/.test(word) ? word : '?')).join(' ');
}
