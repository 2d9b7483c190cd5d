import { z } from 'zod';
import { CommonStatus, defineKind, type Resource, type ResourceOf } from '../../crds/define-kind.ts';
import { API_VERSION, type OwnerReference } from '../../crds/meta.ts';
import { Fault } from '../../controller/errors.ts';
import { settled, waiting } from '../../controller/outcome.ts';
import type { Reconciler, Resources } from '../../controller/reconciler.ts';
import type { FakeClock } from './fake-clock.ts';

// A small world for tests of the runtime: kettles, made of lids, standing in a kitchen that works by the clock.

export const Kettle = defineKind('Kettle', {
  plural: 'kettles',
  scope: 'Namespaced',
  description: 'Something that takes a while to make, under a number that has to be chosen first.',
  finalizer: true,
  columns: [],
  spec: z.strictObject({ litres: z.int().default(1), lids: z.int().default(0) }),
  status: CommonStatus.extend({ number: z.int().optional(), hot: z.boolean().default(false) }),
});
export type Kettle = ResourceOf<typeof Kettle>;

export const Lid = defineKind('Lid', {
  plural: 'lids',
  scope: 'Namespaced',
  description: 'Belongs to a kettle.',
  columns: [],
  spec: z.strictObject({ size: z.int().default(1) }),
  status: CommonStatus,
});
export type Lid = ResourceOf<typeof Lid>;

export function kettleManifest(
  name: string,
  { namespace = 'home', ...spec }: { namespace?: string; litres?: number; lids?: number } = {},
) {
  return Kettle.parseManifest({ apiVersion: API_VERSION, kind: 'Kettle', metadata: { name, namespace }, spec });
}

export function lidManifest(name: string, owner: Kettle) {
  const ownerReferences = [ownerOf(owner)];
  const metadata = { name, namespace: owner.metadata.namespace, ownerReferences };
  return Lid.parseManifest({ apiVersion: API_VERSION, kind: 'Lid', metadata });
}

function ownerOf({ kind, metadata }: Resource): OwnerReference {
  return { apiVersion: API_VERSION, kind, name: metadata.name, uid: metadata.uid, controller: true };
}

const MAKING_MS = 3_000;

/** Makes kettles: a request is taken at once and done a while later, by the clock and not by being asked after. */
export class FakeKitchen {
  readonly kettles = new Map<number, { owner: string; litres: number; readyAtMs: number }>();
  readonly #clock: FakeClock;
  #next = 100;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** A number that nobody has been told yet. */
  async freeNumber(): Promise<number> {
    return this.#next++;
  }

  async look(number: number): Promise<{ owner: string; litres: number; ready: boolean } | undefined> {
    const kettle = this.kettles.get(number);
    return kettle && { ...kettle, ready: this.#clock.monotonicMs() >= kettle.readyAtMs };
  }

  async make(number: number, owner: string, litres: number): Promise<void> {
    if (this.kettles.has(number)) throw new Fault('AlreadyExists', `There is a kettle ${number} already.`);
    this.kettles.set(number, { owner, litres, readyAtMs: this.#clock.monotonicMs() + MAKING_MS });
  }

  async scrap(number: number): Promise<void> {
    if (!this.kettles.delete(number)) throw new Fault('NotFound', `There is no kettle ${number}.`);
  }
}

type Kitchen = Pick<FakeKitchen, 'freeNumber' | 'look' | 'make' | 'scrap'>;

/** A loop as the real ones are: a choice is saved before it is acted on, one action a pass, children by owner. */
export function kettleReconciler(kitchen: Kitchen, { read, write }: Resources): Reconciler<Kettle> {
  return {
    kind: Kettle,
    owns: [Lid],

    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      if (pass.status.number === undefined) {
        pass.status.number = await kitchen.freeNumber();
        await pass.checkpoint();
      }
      const { number } = pass.status;
      const seen = await kitchen.look(number);
      pass.status.hot = seen?.ready === true;
      if (!seen) {
        await kitchen.make(number, metadata.uid, spec.litres);
        pass.event('Normal', 'Created', 'The kettle is being made.');
        return waiting('Creating', 'The kitchen makes the kettle.', 1_000);
      }
      if (!seen.ready) return waiting('Creating', 'The kitchen makes the kettle.', 1_000);
      const lids = read.ownedBy(Lid, metadata.uid);
      if (lids.length < spec.lids) {
        await write.create<Lid>(Lid, lidManifest(`${metadata.name}-${lids.length}`, pass.resource));
        return waiting('Creating', 'The lids are being made.', 0);
      }
      return settled();
    },

    async finalize(pass) {
      const { number } = pass.status;
      if (number === undefined || !(await kitchen.look(number))) return settled();
      await kitchen.scrap(number);
      return waiting('Deleting', 'The kettle is being scrapped.', 1_000);
    },
  };
}
