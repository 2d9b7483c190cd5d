import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { Fault, isFault } from '../errors.ts';
import type { Accepted, ChangeBatch, PageRequest, StoreBackend, StoredPage, Write } from './backend.ts';
import { Batcher } from './batcher.ts';
import type { Sql } from './connect-postgres.ts';
import type { AnyWrite } from './decide-batch.ts';
import type { StoredObject } from './decision.ts';
import type { GraphNode } from './plan-garbage.ts';
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from './prepare.ts';
import { commitWrites } from './postgres-commit.ts';
import { answered, withRetries } from './postgres-fault.ts';
import type { ObjectKey } from './store.ts';
import { expired } from './version.ts';

const MOST_WRITES_AT_ONCE = 200;
const DELETED_AT_ONCE = 2_000;

interface PostgresBackendOptions {
  /** One connection of its own, so that writing never waits for reading. */
  writer: Sql;
  reader: Sql;
  clock: Clock;
  newUid: () => string;
  /** Called after every commit that changed something. */
  committed: () => void;
}

const Version = z.string().transform(BigInt);
const State = z.object({ head: Version, compacted: Version });
const PageRow = State.extend({
  namespace: z.string().nullable(),
  name: z.string().nullable(),
  object: z.string().nullable(),
});
const ChangeRow = z.object({
  version: Version,
  change: z.enum(['ADDED', 'MODIFIED', 'DELETED']),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  object: z.string(),
  previous: z.string().nullable(),
});
const GraphRow = z.object({
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  version: z.string(),
  deleting: z.boolean(),
  finalizers: z.array(z.string()),
  owners: z.array(z.string()),
});

/** Objects and their history in PostgreSQL. See `migrations/001-objects.sql` for how. */
export class PostgresBackend implements StoreBackend {
  readonly #sql: Sql;
  readonly #writer: Sql;
  readonly #batcher: Batcher<AnyWrite, void>;

  constructor({ writer, reader, clock, newUid, committed }: PostgresBackendOptions) {
    this.#sql = reader;
    this.#writer = writer;
    this.#batcher = new Batcher({
      maxItems: MOST_WRITES_AT_ONCE,
      async run(writes) {
        const result = await answered(() => withRetries(() => commitWrites(writer, writes, { clock, newUid })));
        if (result.changed) committed();
        return result.settled;
      },
      isPoisoned: (error) => !isFault(error),
      closed: () => new Fault('Unavailable', 'The store is closed.'),
    });
  }

  async submit<O extends StoredObject>(write: Write<O>): Promise<Accepted<O>> {
    let accepted: Accepted<O> | undefined;
    await this.#batcher.submit({
      ...write,
      decide(stored, context) {
        const decision = write.decide(stored, context);
        accepted = decision.type === 'refused' ? undefined : decision;
        return decision;
      },
    });
    if (!accepted) throw new Error('A write was answered without having been decided.');
    return accepted;
  }

  async read(kind: string, { namespace = '', name }: ObjectKey): Promise<string | undefined> {
    const rows = await answered(
      () => this.#sql`
        SELECT object::text FROM revisions
        WHERE kind = ${kind} AND namespace = ${namespace} AND name = ${name} AND superseded_by IS NULL`,
    );
    return z.array(z.object({ object: z.string() })).parse([...rows])[0]?.object;
  }

  async readPage(request: PageRequest): Promise<StoredPage> {
    const { at, limit } = request;
    // One statement, so that the version and the objects are of the same moment.
    const rows = await answered(
      () => this.#sql`
        SELECT state.version AS head, state.compacted, r.namespace, r.name, r.object
        FROM store_state AS state LEFT JOIN LATERAL (
          SELECT namespace, name, object::text FROM revisions WHERE ${this.#selects(request)}
          ORDER BY namespace, name LIMIT ${limit + 1}
        ) AS r ON true
        ORDER BY r.namespace, r.name`,
    );
    const page = z.array(PageRow).parse([...rows]);
    const [state] = page;
    if (!state) throw new Error('The table store_state is empty.');
    if (at !== undefined && (at < state.compacted || at > state.head)) throw expired(at);
    const objects = page.flatMap(({ namespace, name, object }) =>
      namespace === null || name === null || object === null ? [] : [{ namespace, name, object }],
    );
    return { version: at ?? state.head, objects: objects.slice(0, limit), more: objects.length > limit };
  }

  async count(request: Omit<PageRequest, 'limit'>): Promise<number> {
    const rows = await answered(
      () => this.#sql`SELECT count(*)::int AS count FROM revisions WHERE ${this.#selects(request)}`,
    );
    return z.array(z.object({ count: z.int() })).parse([...rows])[0]?.count ?? 0;
  }

  #selects({ kind, namespace, at, after }: Omit<PageRequest, 'limit'>) {
    const sql = this.#sql;
    const version = at === undefined ? undefined : String(at);
    const alive =
      version === undefined
        ? sql`superseded_by IS NULL`
        : sql`version <= ${version} AND (superseded_by IS NULL OR superseded_by > ${version})`;
    const within = namespace === undefined ? sql`` : sql`AND namespace = ${namespace}`;
    const further = after === undefined ? sql`` : sql`AND (namespace, name) > (${after.namespace}, ${after.name})`;
    return sql`kind = ${kind} AND ${alive} ${within} ${further}`;
  }

  async readChanges(after: bigint, limit: number): Promise<ChangeBatch> {
    const rows = await answered(
      () => this.#sql`
        SELECT state.version AS head, state.compacted, c.version, c.change, c.kind, c.namespace, c.name, c.object,
          p.object::text AS previous
        FROM store_state AS state LEFT JOIN LATERAL (
          SELECT version, change, kind, namespace, name, object::text FROM revisions
          WHERE version > ${String(after)} ORDER BY version LIMIT ${limit}
        ) AS c ON true
        LEFT JOIN revisions AS p ON p.superseded_by = c.version AND p.version <> c.version
        ORDER BY c.version`,
    );
    const [state] = z.array(State).parse(rows.slice(0, 1));
    if (!state) throw new Error('The table store_state is empty.');
    if (after < state.compacted || after > state.head) throw expired(after);
    const changes = z
      .array(ChangeRow)
      .parse(rows.filter((row) => row['version'] !== null))
      .map((row) => ({ ...row, previous: row.previous ?? undefined }));
    const upTo = changes.length < limit ? state.head : (changes.at(-1)?.version ?? after);
    return { changes, upTo, more: upTo < state.head };
  }

  async readGraph(): Promise<GraphNode[]> {
    const sql = this.#sql;
    const hasGarbage = await answered(
      () => sql`
        SELECT 1 FROM revisions AS child
        WHERE child.superseded_by IS NULL AND child.owners <> '{}' AND NOT child.deleting AND NOT EXISTS (
          SELECT 1 FROM revisions AS owner WHERE owner.superseded_by IS NULL AND owner.uid = ANY (child.owners)
        )
        UNION ALL
        SELECT 1 FROM revisions
        WHERE superseded_by IS NULL AND finalizers && ${[FOREGROUND_FINALIZER, ORPHAN_FINALIZER]}::text[]
        LIMIT 1`,
    );
    if (hasGarbage.length === 0) return [];
    const rows = await answered(
      () => sql`
        SELECT kind, namespace, name, uid, version, deleting, finalizers, owners FROM revisions
        WHERE superseded_by IS NULL`,
    );
    return z
      .array(GraphRow)
      .parse([...rows])
      .map(({ namespace, name, version, ...row }) => ({
        ...row,
        key: { namespace: namespace === '' ? undefined : namespace, name },
        resourceVersion: version,
      }));
  }

  async currentVersion(): Promise<bigint> {
    const rows = await answered(() => this.#sql`SELECT version AS head, compacted FROM store_state`);
    const [state] = z.array(State).parse([...rows]);
    if (!state) throw new Error('The table store_state is empty.');
    return state.head;
  }

  async compact({ keepMs, keepChanges }: { keepMs: number; keepChanges: number }): Promise<void> {
    const sql = this.#sql;
    // The oldest change that is too young to be forgotten; without one, age forbids nothing.
    const rows = await answered(
      () => sql`
        UPDATE store_state SET compacted = greatest(compacted, least(version - ${keepChanges}, coalesce((
          SELECT min(r.version) - 1 FROM revisions AS r
          WHERE r.version > compacted AND r.at > clock_timestamp() - ${keepMs} * interval '1 millisecond'
        ), version)))
        RETURNING compacted`,
    );
    const compacted = z.array(z.object({ compacted: z.string() })).parse([...rows])[0]?.compacted ?? '0';
    for (let deleted = DELETED_AT_ONCE; deleted === DELETED_AT_ONCE;) {
      const result = await answered(
        () => sql`
          DELETE FROM revisions WHERE version IN (
            SELECT version FROM revisions WHERE superseded_by <= ${compacted} LIMIT ${DELETED_AT_ONCE}
          )`,
      );
      deleted = result.count;
    }
  }

  async close(): Promise<void> {
    await this.#batcher.close();
    await Promise.all([this.#writer.end({ timeout: 5 }), this.#sql.end({ timeout: 5 })]);
  }
}
