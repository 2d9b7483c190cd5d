import { createHash } from 'node:crypto';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Secret } from '../../crds/secret.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import type { Reconciler, ResourceReader } from '../../controller/reconciler.ts';
import type { ReadSecret } from '../../reconcilers/database/observe.ts';
import { databaseReconciler } from '../../reconcilers/database/reconciler.ts';
import type { DatabaseTarget } from '../../reconcilers/providers/database/client.ts';
import { createFakeDatabaseClient } from '../../reconcilers/providers/database/fake.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { World, type ProcessTools } from '../harness/world.ts';
import { DatabaseHost } from './database-host.ts';
import { diskLoop, hostedGuestLoop, imageLoop } from './database-loops.ts';

const USER = { manager: 'test' };
const SHOP = 'shop';

interface DatabaseWorldOptions {
  crash?: CrashPoint | undefined;
  /** Loops besides. */
  more?: (tools: ProcessTools) => readonly Reconciler<Resource>[];
}

/** Secrets whose values are not encrypted. */
export function plainSecrets(read: ResourceReader): ReadSecret {
  return (namespace, name) => {
    const secret = read.get(Secret, { namespace, name });
    return secret
      ? { ok: true, values: secret.spec.data }
      : { ok: false, reason: 'SecretNotFound', message: `There is no Secret ${name}.` };
  };
}

/** The loop of databases over short ones for images, guests and volumes. */
export class DatabaseWorld {
  readonly clock = new FakeClock();
  readonly store = createMemoryStore({ clock: this.clock });
  readonly host = new DatabaseHost();
  isRegistryBroken = false;
  readonly world: World;
  #dice = 0;

  constructor({ crash, more = () => [] }: DatabaseWorldOptions = {}) {
    this.world = new World({
      store: this.store,
      clock: this.clock,
      crash,
      alsoRead: [Secret, Backup],
      build: (tools) => {
        const { reach, read, resourcesFor } = tools;
        const host = reach(this.host, { uncounted: ['running', 'answer'] });
        return [
          databaseReconciler({
            resources: resourcesFor(Database),
            clusters: { get: () => undefined },
            client: reach(createFakeDatabaseClient((target) => this.answer(target))),
            readSecret: plainSecrets(read),
            seal: (_, value) => value,
            randomBytes: (size) =>
              createHash('sha256')
                .update(`${(this.#dice += 1)}`)
                .digest()
                .subarray(0, size),
            usage: async () => undefined,
            lastLines: async () => ['the last line'],
          }),
          imageLoop(() => this.isRegistryBroken),
          hostedGuestLoop(host, this.host, read),
          diskLoop(host, this.host, read),
          ...more(tools),
        ];
      },
    });
  }

  answer(target: DatabaseTarget): ReturnType<DatabaseHost['answer']> {
    return this.host.answer(target);
  }

  async create<R extends Resource>(kind: Kind<R>, name: string, spec: unknown): Promise<R> {
    const metadata = { name, namespace: SHOP };
    const manifest = kind.parseManifest({ apiVersion: API_VERSION, kind: kind.kind, metadata, spec });
    return this.store.create(kind, manifest, USER);
  }

  async get<R extends Resource>(kind: Kind<R>, name: string): Promise<R> {
    const object = await this.store.get(kind, { namespace: SHOP, name });
    if (!object) throw new Error(`There is no ${kind.kind} ${name}.`);
    return object;
  }

  async all<R extends Resource>(kind: Kind<R>): Promise<R[]> {
    return (await this.store.list(kind)).items;
  }

  async edit(change: Partial<Database['spec']>, name = 'main'): Promise<void> {
    const object = await this.get(Database, name);
    await this.store.update(Database, { ...object, spec: { ...object.spec, ...change } }, USER);
    await this.world.runUntilQuiet();
  }

  async remove<R extends Resource>(kind: Kind<R>, name: string): Promise<void> {
    await this.store.delete(kind, { namespace: SHOP, name }, USER);
    await this.world.runUntilQuiet();
  }

  async said(type = 'Ready', name = 'main'): Promise<string> {
    const { status } = await this.get(Database, name);
    const condition = status.conditions.find((one) => one.type === type);
    return condition ? `${condition.status} ${condition.reason}: ${condition.message}` : 'nothing';
  }
}
