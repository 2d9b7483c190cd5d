import { describe, expect, it } from 'vitest';
import type { Condition } from '../../crds/condition.ts';
import { Service } from '../../crds/service.ts';
import { shownStatus } from './service-fields.ts';

type Status = Partial<Service['status']>;

function web(spec: object, status: Status, generation = 1): Service {
  const read = Service.read({
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1', generation, creationTimestamp: 'now' },
    spec: { source: { type: 'image', image: 'nginx' }, ...spec },
    status: { observedGeneration: 1, ...status },
  });
  return read;
}

const condition = (type: string, status: Condition['status']): Condition => ({
  type,
  status,
  reason: 'Available',
  message: '',
  observedGeneration: 1,
  lastTransitionTime: 'now',
});

const none = { desired: 1, ready: 0, updated: 0, summary: '0/1' };

describe('shownStatus', () => {
  it.each<[string, object, Status, string]>([
    ['just made', {}, {}, 'building'],
    ['whose image is being built', {}, { phase: 'Building' }, 'building'],
    ['that is being rolled out', {}, { phase: 'Deploying' }, 'building'],
    ['that serves', {}, { phase: 'Running', conditions: [condition('Ready', 'True')] }, 'running'],
    ['that lost a guest', {}, { phase: 'Running', conditions: [condition('Ready', 'False')] }, 'running'],
    [
      'that lost all of them',
      {},
      { phase: 'Running', replicas: none, conditions: [condition('Ready', 'False')] },
      'failed',
    ],
    [
      'whose node does not answer',
      {},
      { phase: 'Running', replicas: none, conditions: [condition('Ready', 'Unknown')] },
      'running',
    ],
    ['that failed', {}, { phase: 'Failed' }, 'failed'],
    [
      'whose newest revision failed while the old one serves',
      {},
      { phase: 'Running', conditions: [condition('Ready', 'False'), condition('Stalled', 'True')] },
      'failed',
    ],
    ['that is suspended', { suspended: true }, { phase: 'Running' }, 'stopped'],
    ['without replicas', { replicas: 0 }, { phase: 'Running' }, 'stopped'],
  ])('of a service %s', (_, spec, status, shown) => {
    expect(shownStatus(web(spec, status))).toBe(shown);
  });

  it('forgets a failure once the spec was changed', () => {
    const stalled: Status = { phase: 'Building', conditions: [condition('Stalled', 'True')] };
    expect(shownStatus(web({}, stalled, 1))).toBe('failed');
    expect(shownStatus(web({}, stalled, 2))).toBe('building');
  });
});
