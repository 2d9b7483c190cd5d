import { beforeEach, describe, expect, it } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Project } from '../../crds/project.ts';
import { Secret } from '../../crds/secret.ts';
import { createShop, make, type ApiFixture, type Person } from '../testing/api-fixture.ts';

const DATABASES = '/api/v1/databases';
const wanted = { name: 'Main', type: 'postgresql', plan: 'hobby', region: 'default' };
const password = 'postgresql://app:hunter2@10.0.0.7:5432/app';

let api: ApiFixture;

beforeEach(async () => {
  api = await createShop();
});

function manifest(kind: string, name: string, spec: object, namespace = 'shop'): object {
  return { apiVersion: 'containr.dev/v1alpha1', kind, metadata: { name, namespace }, spec };
}

async function makeDatabase(
  name: string,
  spec: object = {},
  { status = {}, namespace = 'shop' }: { status?: object; namespace?: string } = {},
): Promise<Database> {
  const made = await make(api, Database, manifest('Database', name, { engine: 'postgresql', ...spec }, namespace));
  const reported = Database.statusSchema.parse({ ...made.status, ...status });
  return api.store.updateStatus(Database, { ...made, status: reported }, { manager: 'controller/database' });
}

/** A database that runs, with credentials. */
async function runningDatabase(spec: object = {}): Promise<Database> {
  const place = { namespace: 'shop', name: 'main-credentials', key: 'url' };
  await make(api, Secret, manifest('Secret', place.name, { data: { url: api.box.seal(place, password) } }));
  const status = { phase: 'Running', version: '17', credentialsSecretRef: { name: place.name } };
  return makeDatabase('main', spec, { status });
}

async function makeBackup(name: string, status: object, source = 'main', namespace = 'shop'): Promise<Backup> {
  const spec = { source: { kind: 'Database', name: source } };
  const made = await make(api, Backup, manifest('Backup', name, spec, namespace));
  const reported = Backup.statusSchema.parse(status);
  return api.store.updateStatus(Backup, { ...made, status: reported }, { manager: 'controller/backup' });
}

function ask(
  method: string,
  { metadata }: { metadata: { uid: string } },
  rest = '',
  body?: object,
  as: Person = 'dev',
) {
  return api.ask(method, `${DATABASES}/${metadata.uid}${rest}`, { as, ...(body && { body }) });
}

async function current(name = 'main'): Promise<Database | undefined> {
  return api.store.get(Database, { namespace: 'shop', name });
}

describe('making a database', () => {
  it('puts it into a project of the asker, which is made on first use and kept', async () => {
    const made = await Promise.all([1, 2].map(() => api.ask('POST', DATABASES, { as: 'stranger', body: wanted })));
    for (const { status, body } of made) {
      expect({ status, body }).toMatchObject({ status: 201, body: { id: expect.any(String), status: 'building' } });
    }
    const projects = (await api.store.list(Project)).items.filter(({ metadata: { name } }) =>
      name.startsWith('stranger-'),
    );
    expect(projects).toMatchObject([{ spec: { members: [{ user: 'stranger@example.com', role: 'owner' }] } }]);
    const databases = (await api.store.list(Database)).items;
    expect(new Set(databases.map(({ metadata }) => metadata.namespace))).toEqual(new Set([projects[0]?.metadata.name]));
    expect(new Set(databases.map(({ metadata }) => metadata.name)).size).toBe(2);
    expect(databases[0]?.spec).toMatchObject({ displayName: 'Main', engine: 'postgresql', plan: 'hobby' });
  });

  it('does not use a project that somebody else gave that name', async () => {
    await api.ask('POST', DATABASES, { as: 'stranger', body: wanted });
    const [own] = (await api.store.list(Database)).items;
    const name = own?.metadata.namespace ?? '';
    api = await createShop();
    await make(api, Project, { apiVersion: 'containr.dev/v1alpha1', kind: 'Project', metadata: { name } });
    expect((await api.ask('POST', DATABASES, { as: 'stranger', body: wanted })).status).toBe(201);
    expect((await api.store.list(Database)).items).toMatchObject([{ metadata: { namespace: `${name}-2` } }]);
  });

  it.each<[string, object, string]>([
    ['an unknown engine', { type: 'oracle' }, 'type'],
    ['an unknown plan', { plan: 'free' }, 'plan'],
    ['an impossible region', { region: 'Under the stairs' }, 'region'],
    ['an unknown field', { version: '17' }, 'version'],
    ['a missing name', { name: undefined }, 'name'],
  ])('refuses %s by name', async (_what, change, path) => {
    const { status, body } = await api.ask('POST', DATABASES, { as: 'dev', body: { ...wanted, ...change } });
    expect({ status, body }).toMatchObject({ status: 400, body: { details: { fields: [{ path }] } } });
    expect((await api.store.list(Database)).items).toEqual([]);
  });

  it('makes no project for a token that may only read', async () => {
    const before = (await api.store.list(Project)).items.length;
    expect((await api.ask('POST', DATABASES, { as: 'dev-read', body: wanted })).status).toBe(403);
    expect((await api.store.list(Project)).items).toHaveLength(before);
  });
});

describe('reading databases', () => {
  it('lists those of all projects of the asker, newest first', async () => {
    await makeDatabase('one');
    await makeDatabase('two', {}, { namespace: 'other' });
    const mine = await api.ask('GET', DATABASES, { as: 'viewer' });
    expect(mine).toMatchObject({ status: 200, body: { databases: [{ name: 'one', type: 'postgresql' }] } });
    expect((await api.ask('GET', DATABASES)).body).toHaveProperty('databases.length', 2);
    expect((await api.ask('GET', DATABASES, { as: 'stranger' })).body).toEqual({ databases: [] });
  });

  it('shows what loops reported, in the words of the contract', async () => {
    const metrics = { at: '2026-01-01T00:00:00Z', cpu: 5, memory: 40, storage: 7.5, connections: 3 };
    const io = { readIops: 10, writeIops: 20, networkIn: 100, networkOut: 200 };
    const spec = {
      displayName: 'Main',
      settings: { maxConnections: 50, timeout: '1m30s', ssl: true },
      backup: { enabled: true, retention: 3 },
    };
    const database = await makeDatabase('main', spec, {
      status: {
        phase: 'Running',
        version: '17.2',
        metrics: { ...metrics, ...io },
        lastBackup: { name: 'b', at: '2026-01-01T03:00:00.000Z', verified: true },
        nextBackupAt: '2026-01-02T03:00:00.000Z',
      },
    });
    const taken = { takenAt: '2026-01-01T03:00:00.000Z', sizeBytes: 12_900_000 };
    const done = await makeBackup('done', { phase: 'Completed', ...taken });
    await makeBackup('gone', { phase: 'Expired', ...taken });
    await makeBackup('others', { phase: 'Completed', ...taken }, 'another');
    const { body } = await ask('GET', database);
    expect(body).toMatchObject({
      id: database.metadata.uid,
      name: 'Main',
      status: 'running',
      version: '17.2',
      plan: 'starter',
      region: 'default',
      metrics: {
        cpu: 5,
        memory: 40,
        storage: 7.5,
        connections: 3,
        read_iops: 10,
        write_iops: 20,
        network_in: 100,
        network_out: 200,
      },
      settings: { max_connections: 50, timeout: 90, ssl: true, logging: false },
      backups: {
        enabled: true,
        retention: 3,
        last_backup: '2026-01-01T03:00:00.000Z',
        next_backup: '2026-01-02T03:00:00.000Z',
        backups: [{ id: done.metadata.uid, created_at: taken.takenAt, size: '12.3 MiB', status: 'completed' }],
      },
    });
  });

  it.each<[Person, boolean]>([
    ['admin', true],
    ['owner', true],
    ['dev', true],
    ['dev-read', false],
    ['admin-read', false],
    ['viewer', false],
  ])('tells %s the connection URL: %s', async (as, told) => {
    const database = await runningDatabase();
    const one = await ask('GET', database, '', undefined, as);
    const all = await api.ask('GET', DATABASES, { as });
    expect(one.status).toBe(200);
    for (const text of [one, all].map(({ body }) => JSON.stringify(body))) expect(text.includes('hunter2')).toBe(told);
  });

  it('has no connection URL while there are no credentials, or none that can be read', async () => {
    expect((await ask('GET', await makeDatabase('new'))).body).not.toHaveProperty('connection_url');
    const status = { phase: 'Running', credentialsSecretRef: { name: 'moved' } };
    const elsewhere = api.box.seal({ namespace: 'other', name: 'moved', key: 'url' }, password);
    await make(api, Secret, manifest('Secret', 'moved', { data: { url: elsewhere } }));
    const { body } = await ask('GET', await makeDatabase('odd', {}, { status }));
    expect(body).toMatchObject({ status: 'running' });
    expect(body).not.toHaveProperty('connection_url');
  });

  it.each([
    ['GET', ''],
    ['PUT', ''],
    ['DELETE', ''],
    ['POST', '/action'],
    ['POST', '/backup'],
    ['POST', '/restore'],
  ])('hides what is another project’s from %s %s', async (method, rest) => {
    const database = await makeDatabase('theirs', {}, { namespace: 'other' });
    const body = method === 'GET' ? undefined : { action: 'stop', backup_id: 'x', name: 'x' };
    const foreign = await ask(method, database, rest, body);
    const absent = await ask(method, { metadata: { uid: crypto.randomUUID() } }, rest, body);
    expect([foreign.status, absent.status]).toEqual([404, 404]);
    expect(Object.keys(foreign.body ?? {})).toEqual(Object.keys(absent.body ?? {}));
  });
});

describe('changing a database', () => {
  it('sets name and plan, and leaves the rest alone', async () => {
    const database = await makeDatabase('main', { version: '17', backup: { enabled: true } });
    expect((await ask('PUT', database, '', { name: 'Prime', plan: 'business' })).status).toBe(200);
    expect((await current())?.spec).toEqual({ ...database.spec, displayName: 'Prime', plan: 'business' });
    expect(await ask('PUT', database, '', { engine: 'mysql' })).toMatchObject({ status: 400 });
    expect(await ask('PUT', database, '', { plan: 'hobby' }, 'viewer')).toMatchObject({ status: 403 });
  });

  it('records power and restarts', async () => {
    const database = await makeDatabase('main', {}, { status: { phase: 'Running' } });
    const restarted = await ask('POST', database, '/action', { action: 'restart' });
    expect(restarted).toMatchObject({ status: 200, body: { status: 'running', message: expect.any(String) } });
    expect((await current())?.spec).toMatchObject({ power: 'running', restartedAt: expect.any(String) });
    expect(await ask('POST', database, '/action', { action: 'stop' })).toMatchObject({ body: { status: 'building' } });
    expect((await current())?.spec.power).toBe('stopped');
    expect(await ask('POST', database, '/action', { action: 'restart' })).toMatchObject({ status: 409 });
    expect((await ask('POST', database, '/action', { action: 'start' })).status).toBe(200);
    expect((await current())?.spec.power).toBe('running');
    expect(await ask('POST', database, '/action', { action: 'explode' })).toMatchObject({ status: 400 });
    expect(await ask('POST', database, '/action', { action: 'stop' }, 'viewer')).toMatchObject({ status: 403 });
  });

  it('deletes it, unless it is protected', async () => {
    const database = await makeDatabase('main', { deletionProtection: true });
    const refused = await ask('DELETE', database);
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'conflict', error: expect.stringContaining('protected') },
    });
    expect((await current())?.metadata.deletionTimestamp).toBeUndefined();
    const free = await makeDatabase('free');
    expect(await ask('DELETE', free)).toMatchObject({ status: 200, body: { message: expect.any(String) } });
    expect((await current('free'))?.metadata.deletionTimestamp).toEqual(expect.any(String));
    expect((await ask('GET', free)).status).toBe(404);
  });
});

describe('backups and restores', () => {
  it('asks for a backup, which is then listed', async () => {
    const database = await makeDatabase('main', { backup: { verify: true } });
    const { status, body } = await ask('POST', database, '/backup');
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { status: 'in_progress', backup_id: expect.any(String) },
    });
    expect((await api.store.list(Backup)).items).toMatchObject([
      { spec: { source: { kind: 'Database', name: 'main' }, trigger: 'manual', mode: 'snapshot', verify: true } },
    ]);
    expect((await ask('GET', database)).body).toMatchObject({ backups: { backups: [{ status: 'in_progress' }] } });
    expect(await ask('POST', database, '/backup', undefined, 'viewer')).toMatchObject({ status: 403 });
  });

  it('restores a completed backup in place, once at a time', async () => {
    const database = await makeDatabase('main');
    const backup = await makeBackup('good', { phase: 'Completed', engine: 'postgresql' });
    const body = { backup_id: backup.metadata.uid };
    expect(await ask('POST', database, '/restore', body, 'viewer')).toMatchObject({ status: 403 });
    expect(await ask('POST', database, '/restore', body)).toMatchObject({ status: 200 });
    expect((await api.store.list(Restore)).items).toMatchObject([
      { spec: { backup: 'good', target: { kind: 'Database', name: 'main' } } },
    ]);
    expect(await ask('POST', database, '/restore', body)).toMatchObject({ status: 409 });
  });

  it('restores a backup whose archive is gone from its copy, and lists it until then', async () => {
    const database = await makeDatabase('main');
    const copy = { url: 's3://b/main', sizeBytes: 7, checksum: 'c', completedAt: '2026-01-01T03:00:00.000Z' };
    const { metadata } = await makeBackup('copied', { phase: 'Expired', copy });
    const { body } = await ask('GET', database);
    expect(body).toMatchObject({ backups: { backups: [{ id: metadata.uid, status: 'completed' }] } });
    expect(await ask('POST', database, '/restore', { backup_id: metadata.uid })).toMatchObject({ status: 200 });
  });

  it.each<[string, () => Promise<Backup>, number]>([
    ['not completed', () => makeBackup('b', { phase: 'Taking' }), 409],
    ['expired', () => makeBackup('b', { phase: 'Expired' }), 409],
    ['failed', () => makeBackup('b', { phase: 'Failed' }), 409],
    ['of another database', () => makeBackup('b', { phase: 'Completed' }, 'another'), 409],
    ['of another engine', () => makeBackup('b', { phase: 'Completed', engine: 'redis' }), 409],
    ['of a project that the asker cannot see', () => makeBackup('b', { phase: 'Completed' }, 'main', 'other'), 404],
  ])('refuses a backup that is %s', async (_what, backup, code) => {
    const database = await makeDatabase('main');
    const { metadata } = await backup();
    expect((await ask('POST', database, '/restore', { backup_id: metadata.uid })).status).toBe(code);
    expect((await api.store.list(Restore)).items).toEqual([]);
  });

  it('refuses a backup that is not there', async () => {
    const database = await makeDatabase('main');
    for (const backup_id of [crypto.randomUUID(), 'nonsense', '']) {
      expect((await ask('POST', database, '/restore', { backup_id })).status).toBe(404);
    }
    expect((await ask('POST', database, '/restore', {})).status).toBe(400);
  });
});
