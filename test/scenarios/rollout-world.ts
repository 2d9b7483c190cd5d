import { expect } from 'vitest';
import { Build } from '../../crds/build.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { API_VERSION, type OwnerReference } from '../../crds/meta.ts';
import { Route } from '../../crds/route.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { deploymentReconciler } from '../../reconcilers/deployment/reconciler.ts';
import { controlledBy } from '../../reconcilers/shared/owner.ts';
import { testGuest } from '../../reconcilers/shared/testing.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { World } from '../harness/world.ts';
import { RolloutHost } from './rollout-host.ts';
import { guestLoop, jobLoop, routeLoop, volumeLoop, type RolloutTools } from './rollout-loops.ts';

const USER = { manager: 'test' };
const SHOP = 'shop';

/** The Deployment's loop over short loops for all that it works with, and revisions made by hand as the Service's loop does. */
export class RolloutWorld {
  readonly clock = new FakeClock();
  readonly store = createMemoryStore({ clock: this.clock });
  readonly host = new RolloutHost(this.clock);
  /** How the guests of each revision do; well unless it stands here. */
  readonly doing = new Map<string, 'unhealthy' | 'slow'>();
  /** Most guests at once that were not asked to go, and fewest that took requests, since `watch`. */
  most = 0;
  fewest = Infinity;
  world: World;
  #template: Record<string, unknown> = {};

  constructor(crash?: CrashPoint) {
    this.world = this.#live(crash);
  }

  /** What is there stays, and another process takes over that dies at `crash`: only its calls count. */
  async takeOver(crash: CrashPoint | undefined): Promise<this> {
    await this.world.restart();
    this.world = this.#live(crash);
    return this;
  }

  #live(crash: CrashPoint | undefined): World {
    return new World({
      store: this.store,
      clock: this.clock,
      crash,
      alsoRead: [Build, Service],
      build: ({ reach, resourcesFor }) => {
        const tools = (kind: Kind): RolloutTools => ({
          host: reach(this.host),
          look: this.host,
          resources: resourcesFor(kind),
          doing: (deployment) => this.doing.get(deployment) ?? 'well',
        });
        return [
          deploymentReconciler({
            resources: resourcesFor(Deployment),
            lastLines: async () => ['last words'],
            forgetLog: async () => undefined,
          }),
          guestLoop(tools(Guest)),
          volumeLoop(tools(Volume)),
          routeLoop(tools(Route)),
          jobLoop(tools(Job)),
        ];
      },
    });
  }

  /** A Service, its Route when it is of the web, its Volume when it has one; no revision yet. */
  async prepare(
    spec: { rollout?: Record<string, unknown>; [field: string]: unknown } = {},
    template: Record<string, unknown> = {},
  ): Promise<void> {
    this.#template = template;
    const { rollout = {}, ...rest } = spec;
    const service = await this.#create(Service, 'web', {
      source: { type: 'image', image: 'shop/web:1' },
      // A rollout that fails shall not need hundreds of looks until it does.
      rollout: { progressDeadline: '40s', ...rollout },
      ...rest,
    });
    if (service.spec.type === 'web') await this.#create(Route, 'web', { service: 'web', port: 80 }, service);
    for (const { name } of service.spec.volumes) await this.#create(Volume, `web-${name}`, {}, service);
    const build = await this.#create(Build, 'web-b1', { source: service.spec.source }, service);
    const { artifact } = testGuest().spec;
    await this.store.updateStatus(Build, { ...build, status: { ...build.status, phase: 'Succeeded', artifact } }, USER);
  }

  /** A new revision of the Service, with what differs from its template. */
  async push(revision: number, about: Record<string, unknown> = {}, rollbackOf?: string): Promise<void> {
    const service = await this.service();
    const { volumes, rollout } = service.spec;
    const spec = {
      service: 'web',
      revision,
      build: 'web-b1',
      template: { volumes, rollout, ...this.#template, ...about },
      ...(rollbackOf !== undefined && { rollbackOf }),
    };
    await this.#create(Deployment, `web-r${revision}`, spec, service);
  }

  async edit(change: Partial<Service['spec']>): Promise<void> {
    const service = await this.service();
    await this.store.update(Service, { ...service, spec: { ...service.spec, ...change } }, USER);
  }

  async pause(paused: boolean): Promise<void> {
    const { spec } = await this.service();
    await this.edit({ rollout: { ...spec.rollout, paused } });
  }

  async service(): Promise<Service> {
    const service = await this.store.get(Service, { namespace: SHOP, name: 'web' });
    if (!service) throw new Error('There is no Service.');
    return service;
  }

  async revision(number: number): Promise<Deployment> {
    const deployment = await this.store.get(Deployment, { namespace: SHOP, name: `web-r${number}` });
    if (!deployment) throw new Error(`There is no revision ${number}.`);
    return deployment;
  }

  /** `web-r1 Superseded, web-r2 Active`: how all revisions stand. */
  async phases(): Promise<string> {
    const { items } = await this.store.list(Deployment);
    return items.map(({ metadata, status }) => `${metadata.name.slice(4)} ${status.phase}`).join(', ');
  }

  /** Runs until nothing is left to do, or until then, and looks at the world all the while. */
  async run(until?: () => boolean | Promise<boolean>): Promise<void> {
    await this.world.runUntilQuiet({
      maxPasses: 3_000,
      until: async () => {
        await this.#look();
        return (await until?.()) ?? false;
      },
    });
  }

  /** Runs until a revision is in this state of its machine. */
  async runUntil(revision: number, state: string): Promise<void> {
    await this.run(async () => (await this.revision(revision)).status.machine?.state === state);
  }

  /** From here on `most` and `fewest` count. */
  watch(): void {
    this.most = 0;
    this.fewest = Infinity;
  }

  /** Exactly these guests run, each of them exists once, and nobody suffered. */
  async expectEnd(running: readonly string[], phases: string): Promise<void> {
    expect(await this.phases()).toBe(phases);
    expect(this.host.running()).toEqual(running);
    expect([...this.host.guests.values()].map(({ name }) => name).toSorted()).toEqual(running);
    const known = (await this.store.list(Guest)).items.map(({ metadata }) => metadata.name).toSorted();
    expect(known).toEqual(running);
    expect(this.host.harm).toEqual([]);
  }

  async #look(): Promise<void> {
    this.host.checkRequests();
    const { items } = await this.store.list(Guest);
    this.most = Math.max(this.most, items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length);
    this.fewest = Math.min(this.fewest, this.host.upstreams.length);
  }

  async #create<R extends Resource>(kind: Kind<R>, name: string, spec: unknown, owner?: Resource): Promise<R> {
    const ownerReferences: OwnerReference[] = owner ? [controlledBy(owner)] : [];
    const metadata = { name, namespace: SHOP, ownerReferences };
    const manifest = { apiVersion: API_VERSION, kind: kind.kind, metadata, spec };
    return this.store.create(kind, kind.parseManifest(manifest), USER);
  }
}
