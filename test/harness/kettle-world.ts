import { findCondition, type Condition } from '../../crds/condition.ts';
import type { Resource } from '../../crds/define-kind.ts';
import type { Reconciler } from '../../controller/reconciler.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { FakeClock } from './fake-clock.ts';
import { Kettle, kettleManifest, Lid } from './toy.ts';
import { World, type ProcessTools } from './world.ts';

type KettleLoop = Omit<Reconciler<Kettle>, 'kind'>;

/** Where the kettle of a KettleWorld is. */
export const tea = { namespace: 'home', name: 'tea' };

/** A world with one loop, for kettles, and one kettle called tea. */
export class KettleWorld extends World {
  static async with(
    loop: KettleLoop | ((tools: ProcessTools, store: ResourceStore) => KettleLoop),
  ): Promise<KettleWorld> {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    await store.create(Kettle, kettleManifest(tea.name, { namespace: tea.namespace }), { manager: 'test' });
    return new KettleWorld({
      store,
      clock,
      alsoRead: [Lid],
      build(tools): Reconciler<Resource>[] {
        const kettles: Reconciler<Kettle> = {
          kind: Kettle,
          ...(typeof loop === 'function' ? loop(tools, store) : loop),
        };
        return [kettles];
      },
    });
  }

  /** Passes over the kettle so far. */
  get passes(): number {
    return this.passesOf.get('Kettle home/tea') ?? 0;
  }

  async kettle(): Promise<Kettle> {
    const kettle = await this.store.get(Kettle, tea);
    if (!kettle) throw new Error('There is no kettle.');
    return kettle;
  }

  /** What the kettle's status says. */
  async says(type: string): Promise<Condition | undefined> {
    return findCondition((await this.kettle()).status.conditions, type);
  }
}
