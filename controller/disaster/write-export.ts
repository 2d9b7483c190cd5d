import { createHash } from 'node:crypto';
import { z } from 'zod';
import { installationOf, keyringFrom, readKeys } from '../secrets/keyring.ts';
import {
  EXPORT_VERSION,
  ExportedObject,
  tableNames,
  tables,
  type ExportLine,
  type TableName,
} from './export-format.ts';
import { inOneTransaction, type Transaction } from '../store/one-transaction.ts';
import { writeSealed, type Lock } from './sealed-file.ts';

export interface ExportOptions {
  /** Of the database. */
  url: string;
  dataDir: string;
  store: 'postgres' | 'kubernetes';
  file: string;
  lock: Lock;
  withAudit: boolean;
  now: Date;
}

/** What went into a file. */
export interface ExportCounts {
  installation: string;
  objects: number;
  accounts: number;
  tokens: number;
}

const PAGE = 200;
const State = z.object({ version: z.string(), schema: z.int() });
const Text = z.object({ text: z.string() });

/** Writes everything that the installation is, as of one moment, into a new encrypted file. A server may run meanwhile. */
export async function writeExport(options: ExportOptions): Promise<ExportCounts> {
  const { url, dataDir, file, lock, withAudit } = options;
  const keys = await readKeys(dataDir);
  const counts = { installation: installationOf(keyringFrom(keys)), objects: 0, accounts: 0, tokens: 0 };

  async function* contents(sql: Transaction): AsyncGenerator<ExportLine> {
    const [found] = await sql`
      SELECT version::text AS version, (SELECT max(number) FROM schema_migrations) AS schema FROM store_state`;
    const { version, schema } = State.parse(found);
    yield {
      type: 'header',
      format: 'containr-installation',
      version: EXPORT_VERSION,
      installation: counts.installation,
      createdAt: options.now.toISOString(),
      storeVersion: version,
      schema,
      store: options.store,
    };
    yield { type: 'keys', keys };
    for (const table of tableNames) {
      if (table === 'audit' && !withAudit) continue;
      for await (const row of rowsOf(sql, table)) {
        if (table === 'users') counts.accounts += 1;
        if (table === 'api_tokens') counts.tokens += 1;
        yield { type: 'row', table, row };
      }
    }
    const objects = sql`
      SELECT object::text AS text FROM revisions
      WHERE superseded_by IS NULL AND kind <> 'Event' ORDER BY version`.cursor(PAGE);
    for await (const page of objects) {
      for (const { text } of z.array(Text).parse([...page])) {
        counts.objects += 1;
        yield { type: 'object', object: ExportedObject.parse(JSON.parse(text)) };
      }
    }
  }

  await inOneTransaction(url, 'read only', (sql) => writeSealed(file, lock, checked(contents(sql))));
  return counts;
}

async function* rowsOf(sql: Transaction, table: TableName): AsyncGenerator<Record<string, unknown>> {
  const columns = Object.keys(tables[table].shape);
  const listed = sql`SELECT row_to_json(taken)::text AS text FROM (SELECT ${sql(columns)} FROM ${sql(table)}) AS taken`;
  for await (const page of listed.cursor(PAGE)) {
    for (const { text } of z.array(Text).parse([...page])) yield tables[table].parse(JSON.parse(text));
  }
}

/** The lines as texts, and at the end how many there were and what they came to. */
async function* checked(lines: AsyncIterable<ExportLine>): AsyncGenerator<string> {
  const digest = createHash('sha256');
  let count = 0;
  for await (const line of lines) {
    const text = JSON.stringify(line);
    digest.update(text).update('\n');
    count += 1;
    yield text;
  }
  const end: ExportLine = { type: 'end', lines: count, sha256: digest.digest('hex') };
  yield JSON.stringify(end);
}
