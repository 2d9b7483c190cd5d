import { startServer, type RunningServer } from '../../../api/server.ts';
import { createApi, make, project, type ApiFixture } from '../../../api/testing/api-fixture.ts';
import { Backup } from '../../../crds/backup.ts';
import { Build } from '../../../crds/build.ts';
import { Database } from '../../../crds/database.ts';
import type { Kind, Resource } from '../../../crds/define-kind.ts';
import { Deployment } from '../../../crds/deployment.ts';
import { GitProvider } from '../../../crds/git-provider.ts';
import { API_VERSION } from '../../../crds/meta.ts';
import { Project } from '../../../crds/project.ts';
import { Secret } from '../../../crds/secret.ts';
import { Service } from '../../../crds/service.ts';

const loop = { manager: 'controller/test' };
const now = '2026-01-31T12:00:00.000Z';

/** The ids of one project and of one object of each kind in it. */
export interface RestIds {
  project: string;
  service: string;
  /** Served before; one may go back to it. */
  deployment: string;
  build: string;
  database: string;
  backup: string;
}

/** The API over a real socket, with two projects that know nothing of each other. */
export interface RestWorld {
  api: ApiFixture;
  url: string;
  /** "shop": owner, dev and viewer are members. */
  own: RestIds;
  /** "other": nobody is. */
  foreign: RestIds;
  close(): Promise<void>;
}

export async function createRestWorld(): Promise<RestWorld> {
  const api = createApi();
  const server: RunningServer = await startServer({ app: api.app, host: '127.0.0.1', port: 0, graceMs: 0 });
  const own = await fill(api, 'shop', { owner: 'owner', dev: 'developer', viewer: 'viewer' });
  const foreign = await fill(api, 'other', {});
  return {
    api,
    url: server.url,
    own,
    foreign,
    async close() {
      api.closing.abort();
      await server.close();
    },
  };
}

/** A project in the middle of its life, as loops would have left it. */
async function fill(api: ApiFixture, name: string, members: Record<string, string>): Promise<RestIds> {
  const made = await make(api, Project, project(name, members));
  const source = { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main' };
  const service = await put(
    api,
    Service,
    name,
    'web',
    { source },
    { phase: 'Running', revision: 2, latestRevision: 2 },
  );
  const build = await revision(api, service, 1, 'Superseded');
  await revision(api, service, 2, 'Active');
  const database = await put(
    api,
    Database,
    name,
    'main',
    { engine: 'postgresql', version: '17' },
    {
      phase: 'Running',
      version: '17.2',
      endpoint: '10.40.0.60:5432',
      credentialsSecretRef: { name: 'main-credentials' },
      metrics: {
        at: now,
        cpu: 1.5,
        memory: 20,
        storage: 3,
        connections: 4,
        readIops: 5,
        writeIops: 6,
        networkIn: 7,
        networkOut: 8,
      },
      lastBackup: { name: 'main-1', at: now, verified: true },
      nextBackupAt: '2026-02-01T03:00:00.000Z',
    },
  );
  const place = { namespace: name, name: 'main-credentials' };
  const url = 'postgresql://main:canary@10.40.0.60:5432/main';
  await put(api, Secret, name, place.name, { data: { url: api.box.seal({ ...place, key: 'url' }, url) } }, {});
  const backup = await put(
    api,
    Backup,
    name,
    'main-1',
    { source: { kind: 'Database', name: 'main' } },
    { phase: 'Completed', sizeBytes: 12_345, takenAt: now, completedAt: now, verified: true, volid: 'backup:1' },
  );
  return {
    project: made.metadata.uid,
    service: service.metadata.uid,
    ...build,
    database: database.metadata.uid,
    backup: backup.metadata.uid,
  };
}

async function revision(
  api: ApiFixture,
  service: Service,
  number: number,
  phase: string,
): Promise<{ deployment: string; build: string }> {
  const { namespace = '', name, uid } = service.metadata;
  const owner = { apiVersion: API_VERSION, kind: 'Service', name, uid, controller: true };
  const metadata = { labels: { 'containr.dev/service': name }, ownerReferences: [owner] };
  const image = { command: ['/app'], env: [], workingDir: '/', user: '', stopSignal: 'SIGTERM' };
  const artifact = {
    digest: `sha256:${'a'.repeat(64)}`,
    sizeBytes: 1_000_000,
    imageDigest: `sha256:${'b'.repeat(64)}`,
    image: 'shop-web:1',
    architecture: 'amd64',
    process: image,
  };
  const commit = String(number).repeat(40);
  const times = { startedAt: now, completedAt: now };
  const build = await put(
    api,
    Build,
    namespace,
    `web-b${number}`,
    { service: name, source: { type: 'git', repository: 'https://git.example/shop/web.git' } },
    { phase: 'Succeeded', progress: 100, commit, artifact, published: true, strategy: 'dockerfile', ...times },
    metadata,
  );
  await api.logs.append(
    `build/${build.metadata.uid}`,
    [{ position: 1, time: new Date(now), source: 'stdout', text: 'Step 1/2' }],
    2,
  );
  const deployment = await put(
    api,
    Deployment,
    namespace,
    `web-r${number}`,
    { service: name, revision: number, build: `web-b${number}`, template: {} },
    { phase, commit, artifact, promoted: true, ...times },
    metadata,
  );
  return { deployment: deployment.metadata.uid, build: build.metadata.uid };
}

async function put<R extends Resource>(
  api: ApiFixture,
  kind: Kind<R>,
  namespace: string,
  name: string,
  spec: object,
  status: object,
  metadata: object = {},
): Promise<R> {
  const manifest = { apiVersion: API_VERSION, kind: kind.kind, metadata: { name, namespace, ...metadata }, spec };
  const made = await make(api, kind, manifest);
  return api.store.updateStatus(kind, { ...made, status: kind.statusSchema.parse(status) }, loop);
}

/** Lets a Git account be at a forge elsewhere. */
export async function moveForge(api: ApiFixture, id: string, baseUrl: string): Promise<void> {
  const provider = await api.store.getByUid(GitProvider, id);
  if (!provider) throw new Error(`There is no Git account ${id}.`);
  await api.store.update(GitProvider, { ...provider, spec: { ...provider.spec, baseUrl } }, loop);
}
