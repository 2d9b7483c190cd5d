import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { API_VERSION } from '../../crds/meta.ts';
import type { Kind } from '../../crds/define-kind.ts';
import { allKinds } from '../../crds/kinds.ts';
import { Project } from '../../crds/project.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { withPostgres } from '../../test/harness/postgres.ts';
import { createPostgresTokenStore } from '../access/postgres-token-store.ts';
import { systemClock } from '../clock.ts';
import { openKeyring } from '../secrets/keyring.ts';
import { createSecretBox } from '../secrets/secret-box.ts';
import { connectPostgres, type Database } from '../store/connect-postgres.ts';
import { createPostgresStore } from '../store/postgres-store.ts';
import type { ResourceStore } from '../store/store.ts';
import { importInstallation } from './import-installation.ts';
import { openObserveMode } from './observe-mode.ts';
import { readSealed, writeSealed } from './sealed-file.ts';
import { writeExport } from './write-export.ts';

const log = pino({ level: 'silent' });
const by = { manager: 'test' };
const place = { namespace: 'shop', name: 'database', key: 'password' };

async function withoutVersions(store: ResourceStore, kind: Kind): Promise<object[]> {
  const { items } = await store.list(kind);
  return items.map((item) => ({ ...item, metadata: { ...item.metadata, resourceVersion: '' } }));
}

describe('an export of an installation', () => {
  const server = withPostgres();
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  async function folder(): Promise<string> {
    const made = await mkdtemp(join(tmpdir(), 'containr-disaster-'));
    ends.push(() => rm(made, { recursive: true }));
    return made;
  }

  async function database() {
    const url = await server.createDatabase();
    const sql = connectPostgres(url, { max: 2 });
    const store = await createPostgresStore({ url, log });
    ends.push(
      () => sql.end(),
      () => store.close(),
    );
    return { url, sql, store, dataDir: await folder() };
  }

  async function key() {
    const identity = await generateX25519Identity();
    return { lock: { recipients: [await identityToRecipient(identity)] }, opener: { identities: [identity] } };
  }

  /** With a project, a Secret, a Volume that exists on Proxmox, and a token; and an export of it. */
  async function exported() {
    const here = await database();
    const { store, sql, dataDir } = here;
    const box = createSecretBox(await openKeyring(dataDir));
    await store.create(Project, manifest(Project, 'shop', undefined), by);
    const secret = await store.create(Secret, manifest(Secret, 'database', 'shop'), by);
    const volume = await store.create(Volume, manifest(Volume, 'data', 'shop'), by);
    await store.updateStatus(Volume, { ...volume, status: { ...volume.status, volid: 'local-lvm:vm-7-disk-1' } }, by);
    const tokens = createPostgresTokenStore({ sql, clock: systemClock });
    const { token } = await tokens.create({ name: 'ci', user: 'admin', admin: true, scope: 'admin' });
    const file = join(await folder(), 'installation.age');
    const { lock, opener } = await key();
    const options = {
      url: here.url,
      dataDir,
      store: 'postgres',
      file,
      lock,
      withAudit: true,
      now: new Date(),
    } as const;
    const counts = await writeExport(options);
    return { ...here, secret, file, opener, options, counts, token, sealed: box.seal(place, 'hunter2') };
  }

  function manifest<R>(kind: { kind: string; parseManifest(input: unknown): R }, name: string, namespace?: string): R {
    return kind.parseManifest({ apiVersion: API_VERSION, kind: kind.kind, metadata: { name, namespace }, spec: {} });
  }

  async function countOf(sql: Database): Promise<number[]> {
    const Row = z.object({ objects: z.int(), tokens: z.int(), observing: z.boolean() });
    const [row] = await sql.read(
      Row,
      (
        pool,
      ) => pool`SELECT (SELECT count(*)::int FROM revisions) AS objects, (SELECT count(*)::int FROM api_tokens) AS tokens,
        observing_since IS NOT NULL AS observing FROM installation`,
    );
    return [row?.objects ?? 0, row?.tokens ?? 0, row?.observing ? 1 : 0];
  }

  it('brings back objects with uids and statuses, keys and tokens, and starts without changing anything', async () => {
    const { store: old, file, opener, counts, token, sealed, dataDir: oldDir } = await exported();
    expect(counts).toMatchObject({ objects: 3, tokens: 1 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { url, sql, dataDir } = await database();
    const read = await importInstallation({ url, dataDir, file, opener, keysOnly: false, now: new Date() });
    expect(read).toMatchObject({ objects: 3, tokens: 1, header: { installation: counts.installation } });
    const store = await createPostgresStore({ url, log });
    ends.push(() => store.close());

    for (const kind of allKinds) expect(await withoutVersions(store, kind)).toEqual(await withoutVersions(old, kind));
    const [volume] = (await store.list(Volume)).items;
    expect(volume?.status.volid).toBe('local-lvm:vm-7-disk-1');
    expect(BigInt(volume?.metadata.resourceVersion ?? '0')).toBeGreaterThan(BigInt(await old.currentVersion()));
    const goOn = store.watch(Volume, { since: await old.currentVersion(), signal: AbortSignal.timeout(5_000) });
    await expect(goOn[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'Expired' });
    const verified = await createPostgresTokenStore({ sql, clock: systemClock }).verify(token);
    expect(verified).toMatchObject({ user: 'admin', admin: true });
    expect(createSecretBox(await openKeyring(dataDir)).open(place, sealed)).toBe('hunter2');
    expect(await readFile(join(dataDir, 'keys.json'), 'utf8')).toBe(await readFile(join(oldDir, 'keys.json'), 'utf8'));
    const mode = await openObserveMode({
      sql,
      store,
      storeName: 'postgres',
      dataDir,
      clock: systemClock,
      log,
      onResume: () => undefined,
    });
    expect(mode.observing()?.because).toContain('imported');
    await store.create(Project, manifest(Project, 'next', undefined), by);
  });

  it('opens with its passphrase and not with another', async () => {
    const { options } = await exported();
    const file = `${options.file}-2`;
    await writeExport({ ...options, file, lock: { passphrase: 'four words of mine' } });
    const { url, dataDir, sql } = await database();
    const load = (passphrase: string) =>
      importInstallation({ url, dataDir, file, opener: { passphrase }, keysOnly: false, now: new Date() });
    await expect(load('four words of yours')).rejects.toMatchObject({
      code: 'Denied',
      message: expect.stringContaining('passphrase'),
    });
    expect(await countOf(sql)).toEqual([0, 0, 0]);
    expect(await load('four words of mine')).toMatchObject({ objects: 3 });
  }, 60_000);

  it('is refused by a store that is not empty, and says where to go', async () => {
    const { file, opener } = await exported();
    const { url, dataDir, store, sql } = await database();
    await store.create(Project, manifest(Project, 'other', undefined), by);
    const importing = importInstallation({ url, dataDir, file, opener, keysOnly: false, now: new Date() });
    await expect(importing).rejects.toMatchObject({ code: 'Conflict', message: expect.stringContaining('--data-dir') });
    expect(await countOf(sql)).toEqual([1, 0, 0]);
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('gives the keys alone to an empty store, beside which those of before are kept', async () => {
    const { file, opener, dataDir: oldDir } = await exported();
    const { url, dataDir, sql } = await database();
    await openKeyring(dataDir);
    await importInstallation({ url, dataDir, file, opener, keysOnly: true, now: new Date() });
    expect(await countOf(sql)).toEqual([0, 0, 0]);
    expect(await readFile(join(dataDir, 'keys.json'), 'utf8')).toBe(await readFile(join(oldDir, 'keys.json'), 'utf8'));
    expect((await readdir(dataDir)).filter((name) => name.includes('before-import'))).toHaveLength(1);
  });

  it('does not replace a file', async () => {
    const { options, file } = await exported();
    const before = await readFile(file);
    await expect(writeExport(options)).rejects.toMatchObject({ code: 'Conflict' });
    expect(await readFile(file)).toEqual(before);
    expect(await readdir(join(file, '..'))).toEqual(['installation.age']);
  });

  describe('that is not as it was written', () => {
    async function refused(spoil: (export_: Awaited<ReturnType<typeof exported>>) => Promise<string>): Promise<string> {
      const made = await exported();
      const file = await spoil(made);
      const { url, dataDir, sql } = await database();
      const { opener } = made;
      const error: unknown = await importInstallation({
        url,
        dataDir,
        file,
        opener,
        keysOnly: false,
        now: new Date(),
      }).catch((one: unknown) => one);
      expect(await countOf(sql)).toEqual([0, 0, 0]);
      expect(await readdir(dataDir)).toEqual([]);
      return error instanceof Error ? error.message : '';
    }

    /** The same lines, changed and sealed again, as somebody could who knows the recipient. */
    async function rewritten(
      { file, opener, options }: Awaited<ReturnType<typeof exported>>,
      change: (lines: string[]) => string[],
    ): Promise<string> {
      const lines: string[] = [];
      for await (const line of readSealed(file, opener)) lines.push(line);
      async function* changed(): AsyncGenerator<string> {
        yield* change(lines);
      }
      await writeSealed(`${file}-changed`, options.lock, changed());
      return `${file}-changed`;
    }

    it.each([40, 300, 900])('is refused when only %i bytes of it are there', async (bytes) => {
      const message = await refused(async ({ file }) => {
        await truncate(file, bytes);
        return file;
      });
      expect(message).toContain(`installation.age`);
      expect(message).toMatch(/damaged/);
    });

    it('is refused when a byte was changed', async () => {
      const message = await refused(async ({ file }) => {
        const bytes = await readFile(file);
        bytes[bytes.length - 40] = (bytes.at(-40) ?? 0) ^ 1;
        await writeFile(file, bytes);
        return file;
      });
      expect(message).toContain('damaged or cut off');
    });

    it('is refused when it is something else', async () => {
      expect(
        await refused(async ({ file }) => {
          await writeFile(`${file}.txt`, 'apiVersion: v1\n');
          return `${file}.txt`;
        }),
      ).toContain('is no export');
    });

    it.each<[string, (lines: string[]) => string[], RegExp]>([
      [
        'of a later version',
        ([head = '', ...rest]) => [head.replace('"version":1', '"version":2'), ...rest],
        /of version 2/,
      ],
      ['without its end', (lines) => lines.slice(0, -1), /damaged/],
      ['with an object left out', (lines) => lines.filter((line) => !line.includes('"Volume"')), /damaged/],
      ['with a line too many', (lines) => [...lines, lines[2] ?? ''], /damaged/],
      [
        'with a row of another table',
        (lines) => lines.toSpliced(2, 0, '{"type":"row","table":"leases","row":{}}'),
        /Line 3/,
      ],
      [
        'with a column that is none',
        (lines) => lines.toSpliced(2, 0, '{"type":"row","table":"users","row":{"id); DROP TABLE users; --":1}}'),
        /row of users/,
      ],
      ['with words instead of JSON', (lines) => lines.toSpliced(2, 0, 'hello'), /damaged/],
      [
        'of another installation than it says',
        ([head = '', ...rest]) => [head.replace(/"installation":"\w+"/, '"installation":"ffffffff"'), ...rest],
        /damaged|not those/,
      ],
    ])('is refused %s', async (_, change, words) => {
      expect(await refused((made) => rewritten(made, change))).toMatch(words);
    });
  });
});
