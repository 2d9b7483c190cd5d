import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { deepFreeze } from '../deep-freeze.ts';
import { Fault } from '../errors.ts';
import type { KnownObject, StoredChange } from './backend.ts';
import type { Settled } from './batcher.ts';
import type { Database } from './connect-postgres.ts';
import { decideBatch, mapKey, type AnyWrite, type DecidedBatch, type NewRevision } from './decide-batch.ts';
import { CONTROLLER_LEASE } from './lease-store.ts';
import { plainText } from './plain-text.ts';
import { withKnown, type Stored } from './stored.ts';

/** The channel on which other processes hear of commits. */
export const CHANGES_CHANNEL = 'containr_changes';

/** Other processes change the same objects all the time, when it takes more than this. */
const TRIES = 50;

interface CommitOptions {
  clock: Clock;
  newUid: () => string;
  known: KnownObject;
}

interface Current {
  epoch: bigint | undefined;
  objects: ReadonlyMap<string, Stored>;
}

const BigInteger = z.string().transform(BigInt);
const CurrentRow = z.object({
  epoch: BigInteger.nullable(),
  kind: z.string().nullable(),
  namespace: z.string().nullable(),
  name: z.string().nullable(),
  version: BigInteger.nullable(),
  json: z.string().nullable(),
});
const Committed = z.object({ base: BigInteger.nullable() });

/**
 * Decides and stores `writes`: all at once, but for those that change the same object, which follow one after the other. One
 * result for each, in order; a refused write has no effect on the others. `committed` is called after each commit, with what
 * it changed.
 */
export async function commitWrites(
  database: Database,
  writes: readonly AnyWrite[],
  { committed, ...options }: CommitOptions & { committed: (changes: readonly StoredChange[]) => void },
): Promise<Settled<void>[]> {
  const settled = new Map<AnyWrite, Settled<void>>();
  for (let waiting = writes; waiting.length > 0; waiting = waiting.filter((write) => !settled.has(write))) {
    const round = waiting;
    const batch = await commitSome(database, round, options);
    batch.settled.forEach((result, index) => {
      const write = round[index];
      if (write && result) settled.set(write, result);
    });
    if (batch.revisions.length > 0) committed(batch.revisions.map(changeOf));
  }
  return writes.map((write) => settled.get(write) ?? { ok: false, error: new Error('A write was not decided.') });
}

async function commitSome(
  database: Database,
  writes: readonly AnyWrite[],
  options: CommitOptions,
): Promise<DecidedBatch> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const { epoch, objects } = await readCurrent(database, writes, options.known);
    const batch = decideBatch(writes, { ...options, epoch, current: objects });
    if (batch.revisions.length === 0) return batch;
    const base = await store(database, batch);
    if (base === null) continue;
    batch.revisions.forEach(({ object }, index) => {
      object.metadata.resourceVersion = String(base + BigInt(index + 1));
    });
    return batch;
  }
  throw new Fault('Unavailable', 'Other processes change the same objects too fast; nothing was stored. Try again.');
}

/** The version before the first of the batch; null when what it was decided on is no longer so. */
async function store(database: Database, { revisions, fence }: DecidedBatch): Promise<bigint | null> {
  const entries = revisions.flatMap((revision, index) => auditEntry(revision, index + 1));
  const [row] = await database.write(
    Committed,
    (sql) => sql`
      SELECT commit_batch(
        ${fence === undefined ? null : String(fence)}::bigint,
        ${JSON.stringify(revisions.map((revision, index) => newRow(revision, index + 1)))}::text::json,
        ${revisions.map(({ json }) => json)}::text[],
        ${JSON.stringify(entries)}::text::json
      ) AS base`,
  );
  return row?.base ?? null;
}

async function readCurrent(database: Database, writes: readonly AnyWrite[], known: KnownObject): Promise<Current> {
  const keys = [...new Map(writes.map(({ kind, key }) => [mapKey(kind, key), { kind, key }])).values()];
  const rows = await database.read(
    CurrentRow,
    (sql) => sql`
      SELECT (SELECT epoch FROM leases WHERE name = ${CONTROLLER_LEASE}) AS epoch,
        r.kind, r.namespace, r.name, r.version, r.object::text AS json
      FROM unnest(
        ${keys.map(({ kind }) => kind)}::text[],
        ${keys.map(({ key }) => key.namespace ?? '')}::text[],
        ${keys.map(({ key }) => key.name)}::text[]
      ) AS k (kind, namespace, name)
      LEFT JOIN revisions AS r ON r.kind = k.kind COLLATE "C" AND r.namespace = k.namespace COLLATE "C"
        AND r.name = k.name COLLATE "C" AND r.superseded_by IS NULL`,
  );
  const stored = new Map(
    rows.flatMap(({ kind, namespace, name, version, json }): [string, Stored][] =>
      kind === null || namespace === null || name === null || version === null || json === null
        ? []
        : [[mapKey(kind, { namespace, name }), { version, json }]],
    ),
  );
  const objects = new Map(
    keys.flatMap(({ kind, key }): [string, Stored][] => {
      const found = stored.get(mapKey(kind, key));
      return found ? [[mapKey(kind, key), withKnown(found, known(kind, key))]] : [];
    }),
  );
  return { epoch: rows[0]?.epoch ?? undefined, objects };
}

/** As it will be read back, once it has its version. */
function changeOf({ change, kind, key, object, json, isWhole, previous }: NewRevision): StoredChange {
  return {
    version: BigInt(object.metadata.resourceVersion),
    change,
    kind,
    namespace: key.namespace ?? '',
    name: key.name,
    json,
    ...(isWhole && { object: deepFreeze(object) }),
    previous,
  };
}

/** As `commit_batch` reads it. */
function newRow({ previous, change, kind, key, object: { metadata } }: NewRevision, place: number) {
  return {
    place,
    replaces: previous === undefined ? null : String(previous.version),
    change,
    kind,
    namespace: key.namespace ?? '',
    name: key.name,
    uid: metadata.uid,
    deleting: metadata.deletionTimestamp !== undefined,
    finalizers: metadata.finalizers ?? [],
    owners: (metadata.ownerReferences ?? []).map(({ uid }) => plainText(uid)),
  };
}

function auditEntry({ audit }: NewRevision, place: number): object[] {
  if (!audit) return [];
  const { user, manager, address, userAgent, requestId, changed, changes, ...what } = audit;
  return [
    {
      place,
      ...what,
      user: user && plainText(user),
      manager: plainText(manager),
      address: address && plainText(address),
      user_agent: userAgent && plainText(userAgent),
      request_id: requestId && plainText(requestId),
      changed: changed.map(plainText),
      changes: changes.map((change) =>
        Object.fromEntries(Object.entries(change).map(([key, text]) => [key, plainText(text)])),
      ),
    },
  ];
}
