import { describe, expect, it } from 'vitest';
import type { Resource } from '../../crds/define-kind.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { Database } from '../../crds/database.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { FIELD_RECORD } from '../../controller/apply/field-records.ts';
import { testObject } from '../shared/testing.ts';
import type { Recorded } from './inventory.ts';
import { planPrune, PRUNE_ANNOTATION, type PrunePlan } from './plan-prune.ts';

const commit = 'abcdef1234567890abcdef1234567890abcdef12';
const source = { source: { type: 'image', image: 'nginx' } };

function annotated(object: Resource, annotations: Record<string, string>): Resource {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function appliedBy(object: Resource, manager: string): Resource {
  const record = { manager, operation: 'Apply', apiVersion: API_VERSION, fieldsV1: { 'f:spec': {} } };
  return annotated(object, { [FIELD_RECORD]: JSON.stringify([record]) });
}

function service(name: string): Resource {
  return testObject(Service, name, source);
}

function recorded(object: Resource, uid = object.metadata.uid): Recorded {
  return { kind: object.kind, namespace: 'shop', name: object.metadata.name, uid };
}

/** Decides about `objects`, which the repository no longer states, beside nine that it does. */
function decide(
  objects: readonly Resource[],
  spec: Record<string, unknown> = {},
  inventory = objects.map((object) => recorded(object)),
): PrunePlan {
  const others = Array.from({ length: 9 }, (_, index) => recorded(service(`other-${index}`)));
  return planPrune({
    sync: testObject(RepoSync, 'site', { url: 'https://git.example.com/a.git', prune: true, ...spec }),
    commit,
    manager: 'reposync/site',
    inventory: [...inventory, ...others],
    stated: new Set(others.map(({ name }) => `Service shop/${name}`)),
    find: ({ kind, name }) => objects.find((object) => object.kind === kind && object.metadata.name === name),
    orderOf: () => 0,
  });
}

function gone({ gone: objects }: PrunePlan): string[] {
  return objects.map(({ metadata }) => metadata.name);
}

describe('planPrune', () => {
  it('lets go what is no longer stated', () => {
    expect(gone(decide([service('a')]))).toEqual(['a']);
  });

  it('forgets an object that has another uid than the one that was recorded', () => {
    const a = service('a');
    expect(decide([a], {}, [recorded(a, 'other')])).toMatchObject({ gone: [], forgotten: [{ name: 'a' }] });
  });

  it('knows an object by its fields when a crash lost its uid, and no other', () => {
    const [ours, foreign] = [appliedBy(service('a'), 'reposync/site'), service('b')];
    const plan = decide([ours, foreign], {}, [recorded(ours, ''), recorded(foreign, '')]);
    expect(gone(plan)).toEqual(['a']);
    expect(plan.forgotten.map(({ name }) => name)).toEqual(['b']);
  });

  it('forgets an object that somebody else applies too', () => {
    expect(decide([appliedBy(service('a'), 'reposync/other')])).toMatchObject({ gone: [], forgotten: [{ name: 'a' }] });
  });

  it.each<[string, Resource, boolean]>([
    ['a volume', testObject(Volume, 'v', {}), false],
    ['a volume that is not to be retained', testObject(Volume, 'v', { retain: false }), true],
    ['a volume with leave', annotated(testObject(Volume, 'v', {}), { [PRUNE_ANNOTATION]: 'true' }), true],
    ['a database', testObject(Database, 'd', { engine: 'postgresql' }), false],
    [
      'a protected database',
      testObject(Database, 'd', { engine: 'postgresql', retain: false, deletionProtection: true }),
      false,
    ],
    ['a service that is to be kept', annotated(service('a'), { [PRUNE_ANNOTATION]: 'false' }), false],
  ])('of %s', (_, object, goes) => {
    const plan = decide([object]);
    expect([plan.gone.length, plan.kept.length]).toEqual(goes ? [1, 0] : [0, 1]);
  });

  it.each<[Record<string, unknown>, boolean]>([
    [{ pruneLimit: 10 }, false],
    [{ pruneLimit: 9 }, true],
    [{ pruneLimit: 0, confirmPrune: commit }, false],
    [{ pruneLimit: 0, confirmPrune: 'abcdef1' }, false],
    [{ pruneLimit: 0, confirmPrune: 'abc' }, true],
    [{ pruneLimit: 0, confirmPrune: 'abcdef2' }, true],
  ])('of one object in ten, with %j, holds back: %s', (spec, isHeld) => {
    expect(decide([service('a')], spec).held !== undefined).toBe(isHeld);
  });
});
