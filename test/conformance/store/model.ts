import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { isFault } from '../../../controller/errors.ts';
import type { ResourceStore } from '../../../controller/store/store.ts';
import { Secret } from '../../../crds/secret.ts';
import { follow, loop, person, secretManifest, words, type MakeStore } from './fixtures.ts';

type Version = 'current' | 'stale' | 'none';
type Step =
  | { do: 'create'; name: string; value: string; held: boolean }
  | { do: 'update'; name: string; value: string; label: string; finalizers: 'keep' | 'drop' | 'add'; version: Version }
  | { do: 'report'; name: string; value: string; version: Version }
  | { do: 'delete'; name: string; version: Version };

/** What the store should hold of one object, in the simplest words. */
interface Expected {
  value: string;
  label: string;
  report: string;
  generation: number;
  finalizers: readonly string[];
  deleting: boolean;
}

const HELD = ['example.com/held'];
const HELD_MORE = [...HELD, 'example.com/more'];

const name = fc.constantFrom('a', 'b', 'c');
const value = fc.constantFrom('1', '2');
const version = fc.constantFrom<Version>('current', 'current', 'current', 'stale', 'none');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('create'), name, value, held: fc.boolean() }),
  fc.record({
    do: fc.constant('update'),
    name,
    value,
    label: value,
    finalizers: fc.constantFrom('keep', 'keep', 'drop', 'add'),
    version,
  }),
  fc.record({ do: fc.constant('report'), name, value, version }),
  fc.record({ do: fc.constant('delete'), name, version }),
);

export function modelBehaviour(make: MakeStore, histories: number): void {
  it('ends as a simple model says, and is told as it went', { timeout: 120_000 }, async () => {
    const { store } = await make();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        run += 1;
        await compare(store, `run-${run}`, steps);
      }),
      { numRuns: histories },
    );
  });
}

async function compare(store: ResourceStore, namespace: string, steps: readonly Step[]): Promise<void> {
  const model = new Map<string, Expected>();
  const changes: string[] = [];
  const since = await store.currentVersion();
  for (const each of steps) {
    const before = await store.currentVersion();
    const answer = await carryOut(store, namespace, each);
    const expected = predict(model, each);
    expect([each, answer]).toEqual([each, expected.answer]);
    if (expected.change) changes.push(`${expected.change} ${each.name}`);
    expect((await store.currentVersion()) === before).toBe(expected.change === undefined);
  }

  const { items } = await store.list(Secret, { namespace });
  const stored = items.map(({ metadata, spec, status }): [string, Expected] => [
    metadata.name,
    {
      value: spec.data['v'] ?? '',
      label: metadata.labels?.['l'] ?? '',
      report: status.keys[0]?.digest ?? '',
      generation: metadata.generation,
      finalizers: metadata.finalizers ?? [],
      deleting: metadata.deletionTimestamp !== undefined,
    },
  ]);
  expect(new Map(stored)).toEqual(model);
  const watch = follow(store, Secret, { since, namespace });
  expect(words(await watch.told(changes.length))).toEqual(changes);
  await watch.stop();
}

/** What the store makes of a step: `ok`, or the code of its fault. */
async function carryOut(store: ResourceStore, namespace: string, each: Step): Promise<string> {
  const key = { namespace, name: each.name };
  const current = (await store.get(Secret, key)) ?? absent(namespace, each.name);
  const versions = { current: current.metadata.resourceVersion, stale: '0', none: '' };
  try {
    if (each.do === 'create') {
      const metadata = { namespace, ...(each.held && { finalizers: HELD }) };
      await store.create(Secret, secretManifest(each.name, { v: each.value }, metadata), person);
      return 'ok';
    }
    const resourceVersion = versions[each.version];
    if (each.do === 'delete') {
      await store.delete(Secret, key, person, { resourceVersion });
    } else if (each.do === 'report') {
      const status = { conditions: [], keys: [{ name: 'r', digest: each.value }] };
      await store.updateStatus(
        Secret,
        { ...current, status, metadata: { ...current.metadata, resourceVersion } },
        loop,
      );
    } else {
      const finalizers = { keep: current.metadata.finalizers, drop: [], add: HELD_MORE };
      const metadata = {
        ...current.metadata,
        resourceVersion,
        labels: { l: each.label },
        finalizers: finalizers[each.finalizers],
      };
      await store.update(Secret, { ...current, metadata, spec: { data: { v: each.value } } }, person);
    }
    return 'ok';
  } catch (error) {
    if (isFault(error)) return error.code;
    throw error;
  }
}

function absent(namespace: string, objectName: string): Secret {
  const { metadata, ...manifest } = secretManifest(objectName);
  return {
    ...manifest,
    metadata: { name: metadata.name, namespace, uid: '', resourceVersion: '', generation: 0, creationTimestamp: '' },
    status: { conditions: [], keys: [] },
  };
}

interface Prediction {
  answer: string;
  change?: 'ADDED' | 'MODIFIED' | 'DELETED';
}

function predict(model: Map<string, Expected>, each: Step): Prediction {
  const object = model.get(each.name);
  if (each.do === 'create') {
    if (object) return { answer: 'AlreadyExists' };
    const finalizers = each.held ? HELD : [];
    model.set(each.name, { value: each.value, label: '', report: '', generation: 1, finalizers, deleting: false });
    return { answer: 'ok', change: 'ADDED' };
  }
  if (!object) return { answer: 'NotFound' };
  if (each.version === 'stale') return { answer: 'Conflict' };
  if (each.do === 'delete') {
    if (object.deleting) return { answer: 'ok' };
    if (object.finalizers.length === 0) return removed(model, each.name);
    model.set(each.name, { ...object, deleting: true, generation: object.generation + 1 });
    return { answer: 'ok', change: 'MODIFIED' };
  }
  if (each.do === 'report') {
    if (object.report === each.value) return { answer: 'ok' };
    model.set(each.name, { ...object, report: each.value });
    return { answer: 'ok', change: 'MODIFIED' };
  }
  return predictUpdate(model, object, each);
}

function predictUpdate(model: Map<string, Expected>, object: Expected, each: Step & { do: 'update' }): Prediction {
  const finalizers = { keep: object.finalizers, drop: [], add: HELD_MORE }[each.finalizers];
  if (object.deleting && finalizers.length > object.finalizers.length) return { answer: 'Invalid' };
  if (object.deleting && finalizers.length === 0) return removed(model, each.name);
  const specChanged = object.value !== each.value;
  const finalizersChanged = finalizers.length !== object.finalizers.length;
  if (!specChanged && !finalizersChanged && object.label === each.label) return { answer: 'ok' };
  const generation = object.generation + (specChanged ? 1 : 0);
  model.set(each.name, { ...object, value: each.value, label: each.label, finalizers, generation });
  return { answer: 'ok', change: 'MODIFIED' };
}

function removed(model: Map<string, Expected>, gone: string): Prediction {
  model.delete(gone);
  return { answer: 'ok', change: 'DELETED' };
}
