import { describe, expect, it } from 'vitest';
import { Database } from '../../../crds/database.ts';
import { databaseStatus } from './database-view.ts';

const metadata = {
  name: 'main',
  namespace: 'shop',
  uid: 'u',
  resourceVersion: '1',
  generation: 2,
  creationTimestamp: '2026-01-01T00:00:00Z',
};

function condition(type: string, reason: string): object {
  return { type, status: 'True', reason, message: '.', observedGeneration: 2, lastTransitionTime: '' };
}

const stalled = { observedGeneration: 2, conditions: [condition('Stalled', 'UnsupportedSpec')] };

describe('databaseStatus', () => {
  it.each<[string, object, object, string]>([
    ['has not been looked at', {}, {}, 'building'],
    ['is on its way', {}, { phase: 'Provisioning' }, 'building'],
    ['runs', {}, { phase: 'Running' }, 'running'],
    ['is being restored', {}, { phase: 'Restoring' }, 'building'],
    ['is to stop and still runs', { power: 'stopped' }, { phase: 'Running' }, 'building'],
    ['is being stopped', { power: 'stopped' }, { phase: 'Stopping' }, 'building'],
    ['is stopped', { power: 'stopped' }, { phase: 'Stopped' }, 'stopped'],
    ['is to start and does not run yet', {}, { phase: 'Stopped' }, 'building'],
    ['failed', {}, { phase: 'Failed' }, 'error'],
    ['cannot go on', {}, { phase: 'Provisioning', ...stalled }, 'error'],
    ['runs without being ready and cannot go on', {}, { phase: 'Running', ...stalled }, 'error'],
    ['could not go on before it was changed', {}, { ...stalled, observedGeneration: 1 }, 'building'],
    [
      'serves, though something else about it cannot be done',
      {},
      { phase: 'Running', ...stalled, conditions: [...stalled.conditions, condition('Ready', 'Running')] },
      'running',
    ],
  ])('tells of one that %s', (_what, spec, status, shown) => {
    const apiVersion = 'containr.dev/v1alpha1';
    const stored = { apiVersion, kind: 'Database', metadata, spec: { engine: 'redis', ...spec }, status };
    expect(databaseStatus(Database.read(stored))).toBe(shown);
  });
});
