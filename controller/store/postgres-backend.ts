import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { Fault, isFault } from '../errors.ts';
import type {
  Accepted,
  ChangeBatch,
  KnownObject,
  ListPosition,
  PageRequest,
  StoreBackend,
  StoredChange,
  StoredPage,
  Write,
} from './backend.ts';
import { Batcher } from './batcher.ts';
import type { BuildQuery, Database } from './connect-postgres.ts';
import type { AnyWrite } from './decide-batch.ts';
import type { StoredObject } from './decision.ts';
import type { GraphNode } from './plan-garbage.ts';
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from './prepare.ts';
import { plainText } from './plain-text.ts';
import { commitWrites } from './postgres-commit.ts';
import type { ObjectKey } from './store.ts';
import { withKnown, type Stored } from './stored.ts';
import { expired } from './version.ts';

const MOST_WRITES_AT_ONCE = 200;
const DELETED_AT_ONCE = 2_000;

interface PostgresBackendOptions {
  /** One connection of its own, so that writing never waits for reading. */
  writer: Database;
  reader: Database;
  clock: Clock;
  newUid: () => string;
  /** Called after every commit that changed something, with what it changed. */
  committed: (changes: readonly StoredChange[]) => void;
  known: KnownObject;
}

type Sql = Parameters<BuildQuery>[0];

const BigInteger = z.string().transform(BigInt);
const StoredRow = z.object({ version: BigInteger, json: z.string() });
/** What every row of an answer carries, also the one that stands for none. */
const StateRow = z.looseObject({ head: BigInteger, compacted: BigInteger });
const PageRow = StoredRow.extend({ namespace: z.string(), name: z.string() });
const ChangeRow = PageRow.extend({
  change: z.enum(['ADDED', 'MODIFIED', 'DELETED']),
  kind: z.string(),
  previous: z.string().nullable(),
  previousVersion: BigInteger.nullable(),
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
  readonly #known: KnownObject;
  readonly #database: Database;
  readonly #writer: Database;
  readonly #batcher: Batcher<AnyWrite, void>;

  constructor({ writer, reader, clock, newUid, committed, known }: PostgresBackendOptions) {
    this.#known = known;
    this.#database = reader;
    this.#writer = writer;
    this.#batcher = new Batcher({
      maxItems: MOST_WRITES_AT_ONCE,
      run: (writes) => commitWrites(writer, writes, { clock, newUid, committed, known }),
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

  async read(kind: string, { namespace = '', name }: ObjectKey): Promise<Stored | undefined> {
    const [row] = await this.#database.read(
      StoredRow,
      (sql) => sql`
        SELECT version, object::text AS json FROM revisions
        WHERE kind = ${kind} AND namespace = ${namespace} AND name = ${name} AND superseded_by IS NULL`,
    );
    return row;
  }

  async readByUid(kind: string, uid: string): Promise<Stored | undefined> {
    const [row] = await this.#database.read(
      StoredRow,
      (sql) => sql`
        SELECT version, object::text AS json FROM revisions
        WHERE uid = ${plainText(uid)} AND kind = ${kind} AND superseded_by IS NULL`,
    );
    return row;
  }

  async countIn(kind: string, namespaces: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.#database.read(
      z.object({ namespace: z.string(), count: z.int() }),
      (sql) => sql`
        SELECT namespace, count(*)::int AS count FROM revisions
        WHERE kind = ${kind} AND namespace = ANY (${[...namespaces]}::text[]) AND superseded_by IS NULL AND NOT deleting
        GROUP BY namespace`,
    );
    return new Map(rows.map(({ namespace, count }) => [namespace, count]));
  }

  async readPage(request: PageRequest): Promise<StoredPage> {
    const { at, limit } = request;
    // One statement, so that the version and the objects are of the same moment.
    const rows = await this.#database.read(
      StateRow,
      (sql) => sql`
        SELECT state.version AS head, state.compacted, r.*
        FROM store_state AS state LEFT JOIN LATERAL (
          SELECT namespace, name, version, object::text AS json FROM revisions WHERE ${selects(sql, request)}
          ORDER BY namespace, name LIMIT ${limit + 1}
        ) AS r ON true
        ORDER BY r.namespace, r.name`,
    );
    const { head, compacted } = stateOf(rows);
    if (at !== undefined && (at < compacted || at > head)) throw expired(at);
    const objects = z
      .array(PageRow)
      .parse(rows.filter(isFilled))
      .map((row) => withKnown(row, this.#known(request.kind, keyOfRow(row))));
    return { version: at ?? head, objects: objects.slice(0, limit), more: objects.length > limit };
  }

  async count(request: Omit<PageRequest, 'limit'>): Promise<number> {
    const [row] = await this.#database.read(
      z.object({ count: z.int() }),
      (sql) => sql`SELECT count(*)::int AS count FROM revisions WHERE ${selects(sql, request)}`,
    );
    return row?.count ?? 0;
  }

  async readChanges(after: bigint, limit: number): Promise<ChangeBatch> {
    const rows = await this.#database.read(
      StateRow,
      (sql) => sql`
        SELECT state.version AS head, state.compacted, c.*, p.object::text AS previous, p.version AS "previousVersion"
        FROM store_state AS state LEFT JOIN LATERAL (
          SELECT version, change, kind, namespace, name, object::text AS json FROM revisions
          WHERE version > ${String(after)} ORDER BY version LIMIT ${limit}
        ) AS c ON true
        LEFT JOIN revisions AS p ON p.superseded_by = c.version AND p.version <> c.version
        ORDER BY c.version`,
    );
    const { head, compacted } = stateOf(rows);
    if (after < compacted || after > head) throw expired(after);
    const changes = z
      .array(ChangeRow)
      .parse(rows.filter(isFilled))
      .map(({ previous, previousVersion, ...change }) => ({
        ...change,
        previous:
          previous === null || previousVersion === null ? undefined : { version: previousVersion, json: previous },
      }));
    const upTo = changes.length < limit ? head : (changes.at(-1)?.version ?? after);
    return { changes, upTo, more: upTo < head };
  }

  async readGraph(): Promise<GraphNode[]> {
    const waiting = [FOREGROUND_FINALIZER, ORPHAN_FINALIZER];
    const garbage = await this.#database.read(
      z.object({}),
      (sql) => sql`
        SELECT FROM revisions AS child
        WHERE child.superseded_by IS NULL AND child.owners <> '{}' AND NOT child.deleting AND NOT EXISTS (
          SELECT FROM revisions AS owner WHERE owner.superseded_by IS NULL AND owner.uid = ANY (child.owners)
        )
        UNION ALL
        SELECT FROM revisions WHERE superseded_by IS NULL AND finalizers && ${waiting}::text[]
        LIMIT 1`,
    );
    if (garbage.length === 0) return [];
    const rows = await this.#database.read(
      GraphRow,
      (sql) => sql`
        SELECT kind, namespace, name, uid, version, deleting, to_json(finalizers) AS finalizers, to_json(owners) AS owners
        FROM revisions
        WHERE superseded_by IS NULL`,
    );
    return rows.map(({ namespace, name, version, ...row }) => ({
      ...row,
      key: { namespace: namespace === '' ? undefined : namespace, name },
      resourceVersion: version,
    }));
  }

  async currentVersion(): Promise<bigint> {
    const rows = await this.#database.read(StateRow, (sql) => sql`SELECT version AS head, compacted FROM store_state`);
    return stateOf(rows).head;
  }

  async compact({ keepMs, keepChanges }: { keepMs: number; keepChanges: number }): Promise<void> {
    // Up to the oldest change that is too young to be forgotten; without one, age forbids nothing.
    const [row] = await this.#database.write(
      z.object({ compacted: z.string() }),
      (sql) => sql`
        UPDATE store_state SET compacted = greatest(compacted, least(version - ${keepChanges}, coalesce((
          SELECT min(r.version) - 1 FROM revisions AS r
          WHERE r.version > compacted AND r.at > clock_timestamp() - ${keepMs} * interval '1 millisecond'
        ), version)))
        RETURNING compacted`,
    );
    const compacted = row?.compacted ?? '0';
    for (let deleted = DELETED_AT_ONCE; deleted === DELETED_AT_ONCE;) {
      deleted = await this.#database.execute(
        (sql) => sql`
          DELETE FROM revisions WHERE version IN (
            SELECT version FROM revisions WHERE superseded_by <= ${compacted} LIMIT ${DELETED_AT_ONCE}
          )`,
      );
    }
  }

  async close(): Promise<void> {
    await this.#batcher.close();
    await Promise.all([this.#writer.end(), this.#database.end()]);
  }
}

function selects(sql: Sql, { kind, namespace, at, after }: Omit<PageRequest, 'limit'>) {
  const version = at === undefined ? undefined : String(at);
  const alive =
    version === undefined
      ? sql`superseded_by IS NULL`
      : sql`version <= ${version} AND (superseded_by IS NULL OR superseded_by > ${version})`;
  const within = namespace === undefined ? sql`` : sql`AND namespace = ${namespace}`;
  const further = after === undefined ? sql`` : sql`AND (namespace, name) > (${after.namespace}, ${after.name})`;
  return sql`kind = ${kind} AND ${alive} ${within} ${further}`;
}

function stateOf(rows: readonly z.output<typeof StateRow>[]): { head: bigint; compacted: bigint } {
  const [state] = rows;
  if (!state) throw new Error('The table store_state is empty.');
  return state;
}

/** Not the row that stands for none. */
function isFilled(row: z.output<typeof StateRow>): boolean {
  return row['version'] !== null;
}

function keyOfRow({ namespace, name }: ListPosition): ObjectKey {
  return namespace === '' ? { name } : { namespace, name };
}
