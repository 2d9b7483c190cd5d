import { Database } from '../../crds/database.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Job } from '../../crds/job.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { deploymentReconciler } from '../../reconcilers/deployment/reconciler.ts';
import { jobReconciler } from '../../reconcilers/job/reconciler.ts';
import { createFakeGit } from '../../reconcilers/providers/git/fake.ts';
import { serviceReconciler } from '../../reconcilers/service/reconciler.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { World } from '../harness/world.ts';
import { memoryLogs } from './memory-logs.ts';
import { ServiceHost } from './service-host.ts';
import { buildLoop, guestLoop, routeLoop, volumeLoop } from './service-loops.ts';

const USER = { manager: 'test' };
const SHOP = 'shop';

/** The loops of Service, Deployment and Job over short ones for all that they work with. */
export class ServiceWorld {
  readonly clock: FakeClock;
  readonly store;
  readonly host: ServiceHost;
  readonly logs = memoryLogs();
  readonly git = createFakeGit();
  /** How runs end. */
  readonly runs = { ms: 2_000, code: 0 };
  hasProxy = false;
  readonly world: World;

  constructor({ crash, startedAt }: { crash?: CrashPoint | undefined; startedAt?: Date } = {}) {
    this.clock = new FakeClock(startedAt);
    this.store = createMemoryStore({ clock: this.clock });
    this.host = new ServiceHost(this.clock);
    this.world = new World({
      store: this.store,
      clock: this.clock,
      crash,
      alsoRead: [Secret, Database],
      build: ({ clock, reach, read, resourcesFor }) => [
        serviceReconciler({
          resources: resourcesFor(Service),
          git: this.git,
          clock,
          readSecret: () => ({ ok: true, values: {} }),
        }),
        buildLoop(this.git),
        deploymentReconciler({
          resources: resourcesFor(Deployment),
          lastLines: async () => [],
          forgetLog: async () => undefined,
        }),
        jobReconciler({ resources: resourcesFor(Job), logs: reach(this.logs) }),
        guestLoop({ host: reach(this.host), look: this.host, read, runs: this.runs }),
        routeLoop(read, () => this.hasProxy),
        volumeLoop(),
      ],
    });
  }

  async create<R extends Resource>(kind: Kind<R>, name: string, spec: unknown): Promise<R> {
    const metadata = { name, namespace: SHOP };
    const manifest = kind.parseManifest({ apiVersion: API_VERSION, kind: kind.kind, metadata, spec });
    return this.store.create(kind, manifest, USER);
  }

  async service(name: string, spec: Record<string, unknown> = {}): Promise<Service> {
    return this.create(Service, name, { type: 'worker', source: { type: 'image', image: 'app:1' }, ...spec });
  }

  async get<R extends Resource>(kind: Kind<R>, name: string): Promise<R> {
    const object = await this.store.get(kind, { namespace: SHOP, name });
    if (!object) throw new Error(`There is no ${kind.kind} ${name}.`);
    return object;
  }

  async all<R extends Resource>(kind: Kind<R>): Promise<R[]> {
    return (await this.store.list(kind)).items;
  }

  async edit<R extends Resource>(kind: Kind<R>, name: string, change: (spec: R['spec']) => R['spec']): Promise<void> {
    const object = await this.get(kind, name);
    await this.store.update(kind, { ...object, spec: change(structuredClone(object.spec)) }, USER);
  }

  async remove<R extends Resource>(kind: Kind<R>, name: string): Promise<void> {
    await this.store.delete(kind, { namespace: SHOP, name }, USER);
  }

  /** Makes a Secret, or gives it another value. */
  async secret(name: string, data: Record<string, string>): Promise<void> {
    const known = await this.store.get(Secret, { namespace: SHOP, name });
    if (known) await this.store.update(Secret, { ...known, spec: { data } }, USER);
    else await this.create(Secret, name, { data });
  }

  /** Names of revisions, oldest first. */
  async revisions(service: string): Promise<number[]> {
    const all = await this.all(Deployment);
    return all
      .filter(({ spec }) => spec.service === service)
      .map(({ spec }) => spec.revision)
      .toSorted((a, b) => a - b);
  }

  async said(service: string, type = 'Ready'): Promise<string> {
    const { status } = await this.get(Service, service);
    const condition = status.conditions.find((one) => one.type === type);
    return condition ? `${condition.status} ${condition.reason}: ${condition.message}` : 'nothing';
  }

  /** What the guests of a service that run see of a variable. */
  seen(service: string, variable: string): string[] {
    return this.host
      .running(`${service}-r`)
      .flatMap(({ env }) => env.filter((entry) => entry.startsWith(`${variable}=`)))
      .map((entry) => entry.slice(variable.length + 1));
  }
}
