import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { conditionIs } from '../../crds/condition.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { Service } from '../../crds/service.ts';
import { settled } from '../../controller/outcome.ts';
import { createSecretBox } from '../../controller/secrets/secret-box.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { createFakeGit, type FakeGit } from '../../reconcilers/providers/git/fake.ts';
import { syncedKinds } from '../../reconcilers/repo-sync/place.ts';
import { repoSyncReconciler } from '../../reconcilers/repo-sync/reconciler.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { World } from '../harness/world.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { serviceYaml } from './repo-sync-world.ts';

const URL = 'https://git.example.com/site.git';
const key = { namespace: 'shop', name: 'site' };

interface Scene {
  world: World;
  git: FakeGit;
  store: ResourceStore;
}

async function scene(crash?: CrashPoint): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'containr-sync-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const git = createFakeGit();
  const box = createSecretBox({
    keys: [{ id: 'aaaaaaaa', key: Buffer.alloc(32, 1) }],
    created: false,
    derive: () => Buffer.alloc(32, 2),
  });
  const by = { manager: 'test' };
  const project = { apiVersion: API_VERSION, kind: 'Project', metadata: { name: 'shop' } };
  await store.create(Project, { ...project, spec: Project.specSchema.parse({}) }, by);
  const spec = RepoSync.specSchema.parse({ url: URL, path: '/', prune: true, pruneLimit: 100 });
  await store.create(RepoSync, { apiVersion: API_VERSION, kind: 'RepoSync', metadata: key, spec }, by);
  const world = new World({
    store,
    clock,
    crash,
    build: ({ read, writeAs }) => [
      ...syncedKinds
        .filter(({ kind }) => kind !== 'RepoSync')
        .map((kind) => ({ kind, reconcile: async () => settled() })),
      repoSyncReconciler({
        read,
        writeAs,
        git,
        box,
        workDir: folder,
        readSecret: () => ({ ok: false, reason: 'SecretNotFound', message: 'None.' }),
      }),
    ],
  });
  return { world, git, store };
}

async function isReady({ store }: Scene, commit: string): Promise<boolean> {
  const sync = await store.get(RepoSync, key);
  return sync?.status.revision === commit && conditionIs(sync.status.conditions, 'Ready', 'True');
}

async function servicesOf({ store }: Scene): Promise<string[]> {
  return (await store.list(Service)).items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name)
    .sort();
}

function filesOf(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`${name}.yaml`, serviceYaml(name)]));
}

/** Lets minutes go by, and real time for the files of a checkout, until it holds. */
async function letRun({ world }: Scene, holds: () => Promise<boolean>): Promise<void> {
  for (let minute = 0; minute < 60; minute += 1) {
    await world.run(70_000);
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('It does not get there.');
}

/** Two commits: the second lacks what the first had made. */
async function live(made: Scene): Promise<void> {
  made.git.commit(URL, filesOf('a', 'b', 'c'));
  await letRun(made, async () => made.world.diedAt !== undefined || (await servicesOf(made)).length === 3);
  const commit = made.git.commit(URL, filesOf('a', 'd'));
  await letRun(made, () => isReady(made, commit));
  expect(await servicesOf(made)).toEqual(['a', 'd']);
  const inventory = (await made.store.get(RepoSync, key))?.status.inventory ?? [];
  expect(inventory.map(({ name, uid }) => [name, uid !== ''])).toEqual([
    ['a', true],
    ['d', true],
  ]);
}

describe('a RepoSync whose process dies', () => {
  it.each(['before', 'after'] as const)(
    '%s any of its writes loses nothing that it made, and leaves nothing behind',
    async (when) => {
      const undisturbed = await scene();
      await live(undisturbed);
      for (let call = 1; call <= undisturbed.world.calls; call += 1) await live(await scene({ call, when }));
    },
  );
});
