import { z } from 'zod';
import { Fault } from '../errors.ts';
import { installationOf, keyringFrom, putKeys, type KeyFile } from '../secrets/keyring.ts';
import { storedJson } from '../store/stored.ts';
import { tables, type ExportedObject, type ExportHeader, type TableName } from './export-format.ts';
import { inOneTransaction, type Transaction } from '../store/one-transaction.ts';
import { readExport } from './read-export.ts';
import type { Opener } from './sealed-file.ts';

export interface ImportOptions {
  /** Of the database, migrated by this version. */
  url: string;
  dataDir: string;
  file: string;
  opener: Opener;
  /** The keys, which make it the same installation, and nothing else. */
  keysOnly: boolean;
  now: Date;
}

/** What came out of a file. */
export interface ImportCounts {
  header: ExportHeader;
  objects: number;
  accounts: number;
  tokens: number;
}

/** Ahead of the exported versions, so that no version that was given after the export means something else now. */
const VERSION_GAP = 1_000_000_000n;
const BATCH = 200;

/**
 * Fills an empty store with an export, and puts the keys of the installation into the data folder: all of it, or nothing. The
 * server then starts in observe-only mode. Conflict for a store that is not empty. No server may run on either.
 */
export async function importInstallation(options: ImportOptions): Promise<ImportCounts> {
  const { url, dataDir, file, opener, keysOnly, now } = options;
  let undo: (() => Promise<void>) | undefined;
  try {
    return await inOneTransaction(url, 'read write', async (sql) => {
      await demandEmpty(sql);
      const read = await readInto(sql, file, opener, keysOnly);
      if (!keysOnly) await startObserving(sql, read);
      undo = await putKeys(dataDir, read.keys, now);
      const { keys: _keys, ...counts } = read;
      return counts;
    });
  } catch (error) {
    await undo?.();
    if (error instanceof Fault) throw error;
    const words = `The database did not take what is in ${file}, and nothing was written: ${wordsOf(error)}`;
    throw new Fault('Invalid', words, { cause: error });
  }
}

const Found = z.object({ objects: z.boolean(), accounts: z.boolean(), holder: z.string().nullable() });

async function demandEmpty(sql: Transaction): Promise<void> {
  const [row] = await sql`
    SELECT EXISTS (SELECT FROM revisions WHERE superseded_by IS NULL AND kind <> 'Event') AS objects,
      EXISTS (SELECT FROM users) AS accounts,
      (SELECT max(holder) FROM leases WHERE holder <> '' AND clock_timestamp() < renewed_at + duration) AS holder
    FROM store_state FOR UPDATE OF store_state`;
  const { objects, accounts, holder } = Found.parse(row);
  if (objects || accounts) {
    const what = objects ? 'objects' : 'accounts';
    throw new Fault(
      'Conflict',
      `The store has ${what} already, and an import fills an empty one only. Nothing was changed. Name an empty data folder with --data-dir, or an empty database with DATABASE_URL.`,
    );
  }
  if (holder !== null)
    throw new Fault(
      'Conflict',
      `A server uses this database (${holder}), or did moments ago. Nothing was changed. Stop it, and try again in 15 s.`,
    );
}

type Read = ImportCounts & { keys: KeyFile };

async function readInto(sql: Transaction, file: string, opener: Opener, keysOnly: boolean): Promise<Read> {
  const objects = new Batches<ExportedObject>((batch) => insertObjects(sql, batch, read));
  const rows = new Batches<{ table: TableName; row: unknown }>((batch) => insertRows(sql, batch));
  let header: ExportHeader | undefined;
  let keys: KeyFile | undefined;
  let read: Read | undefined;
  for await (const line of readExport(file, opener)) {
    if (line.type === 'header') header = line;
    if (line.type === 'keys') ({ keys } = line);
    if (header && keys) read ??= { header, keys, objects: 0, accounts: 0, tokens: 0 };
    if (!read || keysOnly) continue;
    if (line.type === 'row') {
      if (line.table === 'users') read.accounts += 1;
      // What the first start made for itself goes: the tokens of the installation hold.
      if (line.table === 'api_tokens' && (read.tokens += 1) === 1) await sql`DELETE FROM api_tokens`;
      await rows.add({ table: line.table, row: rowOf(line.table, line.row, file) });
    }
    if (line.type === 'object') await objects.add(line.object);
  }
  await rows.flush();
  await objects.flush();
  if (!read) throw new Fault('Invalid', `${file} has no keys in it. Take another export.`);
  if (read.header.installation !== installationOf(keyringFrom(read.keys)))
    throw new Fault(
      'Invalid',
      `The keys in ${file} are not those of the installation that it names. Take another export.`,
    );
  return read;
}

function rowOf(table: TableName, row: unknown, file: string): unknown {
  const parsed = tables[table].safeParse(row);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path }) => path.map(String).join('.')).join(', ');
  throw new Fault(
    'Invalid',
    `A row of ${table} in ${file} is not as Containr writes it (${fields}). Take another export.`,
  );
}

async function insertRows(sql: Transaction, batch: readonly { table: TableName; row: unknown }[]): Promise<void> {
  for (const [table, of] of Map.groupBy(batch, (one) => one.table)) {
    const columns = Object.keys(tables[table].shape);
    const json = JSON.stringify(of.map(({ row }) => row));
    await sql`
      INSERT INTO ${sql(table)} (${sql(columns)})
      SELECT ${sql(columns)} FROM json_populate_recordset(NULL::${sql(table)}, ${json}::text::json)`;
  }
}

async function insertObjects(
  sql: Transaction,
  batch: readonly ExportedObject[],
  read: Read | undefined,
): Promise<void> {
  if (!read) return;
  const base = BigInt(read.header.storeVersion) + VERSION_GAP + BigInt(read.objects);
  const rows = batch.map((object, index) => {
    const { namespace = '', name, uid, deletionTimestamp, finalizers = [], ownerReferences = [] } = object.metadata;
    const owners = ownerReferences.map((owner) => owner.uid);
    const deleting = deletionTimestamp !== undefined;
    return { place: index + 1, kind: object.kind, namespace, name, uid, deleting, finalizers, owners };
  });
  await sql`
    INSERT INTO revisions (version, change, kind, namespace, name, uid, deleting, finalizers, owners, object)
    SELECT ${String(base)}::bigint + n.place, 'ADDED', n.kind, n.namespace, n.name, n.uid, n.deleting, n.finalizers, n.owners,
      o.object
    FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS n (
      place bigint, kind text, namespace text, name text, uid text, deleting boolean, finalizers text[], owners text[]
    )
    JOIN json_array_elements(${`[${batch.map(storedJson).join(',')}]`}::text::json) WITH ORDINALITY AS o (object, place)
      USING (place)`;
  read.objects += batch.length;
}

/** Nobody can go on from a version of before, and nothing is changed outside until a person has looked. */
async function startObserving(sql: Transaction, { header, objects }: Read): Promise<void> {
  const version = String(BigInt(header.storeVersion) + VERSION_GAP + BigInt(objects));
  const because = `The installation was imported from an export of ${header.createdAt}.`;
  await sql`UPDATE store_state SET version = ${version}::bigint, compacted = ${version}::bigint`;
  await sql`
    UPDATE installation
    SET observing_since = clock_timestamp(), observing_because = ${because}, database_system = NULL`;
}

/** Collects what is inserted together. */
class Batches<T> {
  readonly #insert: (batch: readonly T[]) => Promise<void>;
  #batch: T[] = [];

  constructor(insert: (batch: readonly T[]) => Promise<void>) {
    this.#insert = insert;
  }

  async add(one: T): Promise<void> {
    this.#batch.push(one);
    if (this.#batch.length >= BATCH) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length > 0) await this.#insert(batch);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
