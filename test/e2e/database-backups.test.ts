import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  applyBackup,
  applyRestore,
  completed,
  databaseReady,
  destroyGuest,
  isTrue,
  objectOf,
  seconds,
  until200Rows,
} from './databases/backup-steps.ts';
import { PROJECT, connectionUrl, startDatabase, type ReadyDatabase } from './databases/database-fixture.ts';
import { buildShell, obstacleToImages } from './databases/database-images.ts';
import { realEngines, type RealEngine } from './databases/image-recipes.ts';
import { openRowStore } from './databases/row-store.ts';
import { RowWriter, lostRows, sumOfRows } from './databases/row-writer.ts';
import { DevEnvironment, obstacleToContainers, pause, until } from './dev-environment.ts';

const obstacle = obstacleToContainers() ?? obstacleToImages();
if (obstacle !== undefined) console.log(`Skipped, backups of databases in real containers: ${obstacle}.`);

/** Debian's ClickHouse is older than its BACKUP. */
const dumped = realEngines.filter((engine) => engine !== 'clickhouse');

describe.skipIf(obstacle !== undefined)('backups of databases in real containers', () => {
  const dev = new DevEnvironment();
  const databases = new Map<RealEngine, ReadyDatabase>();
  const figures: Record<string, string | number | undefined>[] = [];

  beforeAll(() => dev.start({ engine: 'lxc' }));
  afterAll(async () => {
    console.table(figures);
    for (const { rows } of databases.values()) await rows.close();
    await dev.dispose();
  });

  it.each(realEngines)('%s loses no row of before a backup when its guest and volume are destroyed', async (engine) => {
    const database = await startDatabase(dev, engine);
    databases.set(engine, database);
    const { name, url } = database;
    const writer = new RowWriter(database.rows);
    writer.start();
    await until200Rows(writer);
    const before = [...writer.acknowledged];
    applyBackup(dev, `${engine}-1`, { kind: 'Database', name }, 'verify: true');
    const backup = await completed(dev, 'Backup', `${engine}-1`);
    await writer.stop();
    expect(isTrue(backup, 'RestoreVerified')).toBe(true);
    expect(backup.status.verified).toBe(true);

    const { guest } = (await objectOf(dev, 'Database', name)).status;
    await destroyGuest(dev, (await objectOf(dev, 'Guest', String(guest))).status.vmid ?? 0);
    // One of them comes back under another name, as it has to where the Database is gone too.
    const isAnew = engine === 'mariadb';
    const target = isAnew ? `${name}-again` : name;
    const askedAt = performance.now();
    applyRestore(dev, `${engine}-1`, `${engine}-1`, { kind: 'Database', name: target });
    const restore = await completed(dev, 'Restore', `${engine}-1`);
    await databaseReady(dev, target);
    const readyMs = performance.now() - askedAt;

    const restored = await connectionUrl(dev, target);
    if (!isAnew) expect(restored).toBe(url);
    expect(new URL(restored).password).toBe(new URL(url).password);
    const rows = openRowStore(engine, restored);
    try {
      const found = await rows.read();
      const last = before.at(-1)?.n ?? 0;
      expect(lostRows(before, found)).toEqual([]);
      expect(sumOfRows(found.filter(({ n }) => n <= last))).toEqual(sumOfRows(before));
      // It takes writes again, too.
      await rows.write([{ n: 9_000_000, word: 'after the restore' }]);
      figures.push({
        engine,
        restored: isAnew ? 'as a new database' : 'in place',
        'rows kept': before.length,
        'rows after the backup began': found.length - before.length,
        'bytes of the archive': backup.status.sizeBytes,
        'backup took': backup.status.duration,
        'restored for a trial in': backup.status.restoreTime,
        'restore took': restore.status.restoreTime,
        'from wish to Ready, 54 s at most': seconds(readyMs),
      });
    } finally {
      await rows.close();
    }
  });

  it('PostgreSQL is restored while it is written to, and what it had before is kept and can be had', async () => {
    const { name, url, rows } = known('postgresql');
    const writer = new RowWriter(rows, 1_000_000);
    writer.start();
    await until200Rows(writer);
    applyRestore(dev, 'live', 'postgresql-1', { kind: 'Database', name });
    const restore = await completed(dev, 'Restore', 'live');
    await databaseReady(dev, name);
    await pause(300);
    const acknowledged = await writer.stop();
    expect(await connectionUrl(dev, name)).toBe(url);
    const found = await rows.read();
    // What was acknowledged before the switch is on the volume before, and what came after is here.
    const { previousVolume = '' } = restore.status;
    const here = new Set(found.map(({ n }) => n));
    const earlier = acknowledged.filter(({ n }) => !here.has(n));
    expect(earlier.length).toBeGreaterThanOrEqual(200);
    expect(isTrue(await objectOf(dev, 'Volume', previousVolume), 'Ready')).toBe(true);

    const { username, password, pathname } = new URL(url);
    const text = `apiVersion: containr.dev/v1alpha1
kind: Volume
metadata: { name: ${previousVolume}, namespace: ${PROJECT}, labels: { containr.dev/released-from: before } }
spec: {}
---
apiVersion: containr.dev/v1alpha1
kind: Secret
metadata: { name: before-credentials, namespace: ${PROJECT}, labels: { containr.dev/released-from: before } }
spec: { data: { username: "${username}", password: "${password}", database: "${pathname.slice(1)}" } }
---
apiVersion: containr.dev/v1alpha1
kind: Database
metadata: { name: before, namespace: ${PROJECT} }
spec: { engine: postgresql, version: "15", plan: hobby }
`;
    dev.must('apply', '-f', dev.write('before.yaml', text));
    await databaseReady(dev, 'before');
    const old = openRowStore('postgresql', await connectionUrl(dev, 'before'));
    try {
      expect(lostRows(earlier, await old.read())).toEqual([]);
    } finally {
      await old.close();
    }
    figures.push({
      engine: 'postgresql',
      restored: 'in place, under writes',
      'rows kept': earlier.length,
      'restore took': restore.status.restoreTime,
    });
  });

  it.each(dumped)('a dump of %s is taken in by a server, which answers', async (engine) => {
    const database = known(engine);
    const name = engine === 'mariadb' ? `${database.name}-again` : database.name;
    applyBackup(dev, `${engine}-dump`, { kind: 'Database', name }, 'mode: dump, verify: true');
    const backup = await completed(dev, 'Backup', `${engine}-dump`);
    expect(backup.status.dump?.sizeBytes).toBeGreaterThan(0);
    expect(isTrue(backup, 'RestoreVerified')).toBe(true);
    figures.push({
      engine,
      restored: 'for a trial, with its dump',
      'bytes of the archive': backup.status.sizeBytes,
      'backup took': backup.status.duration,
      'restored for a trial in': backup.status.restoreTime,
    });
  });

  it('a dump that the server refuses fails the backup with its words', async () => {
    applyBackup(dev, 'refused', { kind: 'Database', name: known('clickhouse').name }, 'mode: dump');
    await expect(completed(dev, 'Backup', 'refused')).rejects.toThrow('DB::Exception');
    expect((await objectOf(dev, 'Backup', 'refused')).status.sizeBytes).toBeUndefined();
  });

  it('the volume of a service comes back as a new one with the same files', async () => {
    buildShell(dev);
    const write = 'echo "kept for later" > /data/file; echo written; sleep 1000';
    dev.must('apply', '-f', dev.write('writer.yaml', withVolume('writer', write)), '--wait', '--timeout', '120s');
    await until('it is written', () => dev.must('logs', 'service/writer', '-n', PROJECT).includes('written'));
    applyBackup(dev, 'files', { kind: 'Volume', name: 'writer-data' }, 'verify: true');
    const backup = await completed(dev, 'Backup', 'files');
    applyRestore(dev, 'files', 'files', { kind: 'Volume', name: 'reader-data' });
    await completed(dev, 'Restore', 'files');
    applyBackup(dev, 'files-again', { kind: 'Volume', name: 'reader-data' });
    expect((await completed(dev, 'Backup', 'files-again')).status.checksum).toBe(backup.status.checksum);

    const label = `apiVersion: containr.dev/v1alpha1
kind: Volume
metadata: { name: reader-data, namespace: ${PROJECT}, labels: { containr.dev/released-from: reader } }
spec: {}
---
`;
    const read = 'cat /data/file; sleep 1000';
    const text = `${label}${withVolume('reader', read)}`;
    dev.must('apply', '-f', dev.write('reader.yaml', text), '--wait', '--timeout', '120s');
    await until('it is read', () => dev.must('logs', 'service/reader', '-n', PROJECT).includes('kept for later'));
  });

  function known(engine: RealEngine): ReadyDatabase {
    const database = databases.get(engine);
    if (!database) throw new Error(`${engine} did not come up.`);
    return database;
  }
});

function withVolume(name: string, command: string): string {
  return `apiVersion: containr.dev/v1alpha1
kind: Project
metadata: { name: ${PROJECT} }
---
apiVersion: containr.dev/v1alpha1
kind: Service
metadata: { name: ${name}, namespace: ${PROJECT} }
spec:
  type: worker
  source: { type: image, image: "shell:1" }
  build: { startCommand: '${command}' }
  resources: { cpu: 500m, memory: 64Mi, storage: 256Mi }
  volumes: [{ name: data, mountPath: /data, size: 1Gi }]
`;
}
