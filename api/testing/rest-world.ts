import { Backup } from '../../crds/backup.ts';
import { Build } from '../../crds/build.ts';
import { Database } from '../../crds/database.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { API_VERSION, SERVICE_LABEL } from '../../crds/meta.ts';
import { Service } from '../../crds/service.ts';
import { Project } from '../../crds/project.ts';
import { sampleArtifact } from './sample-artifact.ts';
import { startServer } from '../server.ts';
import { createShop, make, type ApiFixture } from './api-fixture.ts';

/** The ids, as the contract has them, of one of everything in a project. */
export interface ProjectIds {
  project: string;
  service: string;
  /** An earlier deployment, which can be gone back to. */
  deployment: string;
  build: string;
  database: string;
  backup: string;
}

/** The contract behind a real socket, with people of each role and one of everything in two projects. */
export interface RestWorld {
  api: ApiFixture;
  /** Where the contract is served: `http://127.0.0.1:PORT/api/v1`. */
  base: string;
  /** In "shop", whose members are all of the people but the stranger. */
  own: ProjectIds;
  /** In "other", which has no members. */
  foreign: ProjectIds;
  close(): Promise<void>;
}

/** Serves the contract; to be closed. Tokens are the names of `people`. */
export async function serveRest(options?: Parameters<typeof createShop>[0]): Promise<RestWorld> {
  const api = await createShop(options);
  const [own, foreign] = [await fill(api, 'shop'), await fill(api, 'other')];
  const onClosing = () => api.closing.abort();
  const server = await startServer({ app: api.app, host: '127.0.0.1', port: 0, onClosing });
  return { api, base: `${server.url}/api/v1`, own, foreign, close: () => server.close() };
}

async function fill(api: ApiFixture, namespace: string): Promise<ProjectIds> {
  const project = await api.store.get(Project, { name: namespace });
  const source = { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main' };
  const put = <R extends Resource>(kind: Kind<R>, name: string, spec: object, metadata: object = {}): Promise<R> =>
    make(api, kind, { apiVersion: API_VERSION, kind: kind.kind, metadata: { name, namespace, ...metadata }, spec });

  const service = await put(Service, 'web', { source, env: [{ name: 'GREETING', value: 'hello' }] });
  const { apiVersion, kind, metadata } = service;
  const owned = {
    labels: { [SERVICE_LABEL]: 'web' },
    ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true }],
  };
  const build = await put(Build, 'web-b1', { service: 'web', source }, owned);
  await api.store.updateStatus(
    Build,
    Build.read({ ...build, status: { phase: 'Succeeded', artifact: sampleArtifact } }),
    writer,
  );
  const revision = (number: number) =>
    put(
      Deployment,
      `web-r${number}`,
      { service: 'web', revision: number, build: 'web-b1', source, template: {} },
      owned,
    );
  const earlier = await revision(1);
  await revision(2);
  const database = await put(Database, 'main', { engine: 'postgresql' });
  const backup = await put(Backup, 'main-1', { source: { kind: 'Database', name: 'main' } });
  return {
    project: project?.metadata.uid ?? '',
    service: metadata.uid,
    deployment: earlier.metadata.uid,
    build: build.metadata.uid,
    database: database.metadata.uid,
    backup: backup.metadata.uid,
  };
}

const writer = { manager: 'test' };
