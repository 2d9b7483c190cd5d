import { describe, expect, it } from 'vitest';
import type { ApiObject } from './objects.ts';
import { revisionsOf, rollbackManifest, rollbackTarget } from './revisions.ts';

function deployment(revision: number, phase: string, spec: Record<string, unknown> = {}, name = 'web'): ApiObject {
  return {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Deployment',
    metadata: {
      name: `${name}-r${revision}`,
      namespace: 'shop',
      uid: `u${revision}`,
      resourceVersion: '5',
      labels: { 'containr.dev/service': name },
      ownerReferences: [{ kind: 'Service', name, uid: 's', controller: true }],
    },
    spec: { service: name, revision, build: `web-b${revision}`, template: { env: [] }, ...spec },
    status: { phase },
  };
}

const history = revisionsOf([
  deployment(1, 'Superseded'),
  deployment(3, 'Failed'),
  deployment(2, 'Superseded'),
  deployment(4, 'Active'),
]);

describe('rollbackTarget', () => {
  it('is the newest before the current one that served', () => {
    expect(rollbackTarget(history, undefined).number).toBe(2);
  });

  it('is the one asked for, also one that failed', () => {
    expect(rollbackTarget(history, 3).number).toBe(3);
    expect(() => rollbackTarget(history, 9)).toThrow('Revision 9 is not kept. There are: 4, 3, 2, 1.');
  });

  it('passes over what is the same as the current one', () => {
    const same = { build: 'web-b2', rollbackOf: 'web-r2' };
    const rolledBack = revisionsOf([
      deployment(1, 'Superseded'),
      deployment(2, 'Superseded'),
      deployment(5, 'Active', same),
    ]);
    expect(rollbackTarget(rolledBack, undefined).number).toBe(1);
  });

  it('says when there is nothing to go back to', () => {
    expect(() => rollbackTarget([], undefined)).toThrow('no revision yet');
    expect(() => rollbackTarget(revisionsOf([deployment(1, 'Active')]), undefined)).toThrow('no earlier revision');
    expect(() => rollbackTarget(revisionsOf([deployment(1, 'Failed'), deployment(2, 'Failed')]), undefined)).toThrow(
      'no earlier revision',
    );
  });
});

describe('rollbackManifest', () => {
  it('takes image and configuration of the earlier revision under the next number', () => {
    const manifest = rollbackManifest(history, rollbackTarget(history, 2));
    expect(manifest).toEqual({
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Deployment',
      metadata: {
        name: 'web-r5',
        namespace: 'shop',
        labels: { 'containr.dev/service': 'web' },
        ownerReferences: [{ kind: 'Service', name: 'web', uid: 's', controller: true }],
      },
      spec: {
        service: 'web',
        revision: 5,
        build: 'web-b2',
        template: { env: [] },
        trigger: 'rollback',
        rollbackOf: 'web-r2',
      },
    });
  });

  it('keeps long names within a label', () => {
    const long = revisionsOf([
      deployment(9, 'Active', {}, 'w'.repeat(60)),
      deployment(8, 'Superseded', {}, 'w'.repeat(60)),
    ]);
    expect(rollbackManifest(long, rollbackTarget(long, 8)).metadata.name).toHaveLength(63);
  });
});
