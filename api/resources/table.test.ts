import { describe, expect, it } from 'vitest';
import { Service } from '../../crds/service.ts';
import { humanDuration } from './human-duration.ts';
import { tableOf } from './table.ts';

const web = Service.read({
  apiVersion: 'containr.dev/v1alpha1',
  kind: 'Service',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '7',
    generation: 1,
    creationTimestamp: '2026-03-01T12:00:00Z',
  },
  spec: { source: { type: 'image', image: 'nginx' } },
  status: {
    revision: 3,
    nodes: ['pve1', 'pve2'],
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Available',
        message: 'Serves.',
        observedGeneration: 1,
        lastTransitionTime: '',
      },
    ],
  },
});

describe('tableOf', () => {
  const now = new Date('2026-03-01T12:05:30Z');
  const table = tableOf(Service, [web], { metadata: { resourceVersion: '9' }, include: 'Metadata', now });

  it('begins with the name, then shows the columns of the kind', () => {
    expect(table).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '9' },
      columnDefinitions: [
        { name: 'Name', format: 'name' },
        { name: 'Ready', type: 'string', priority: 0 },
        { name: 'Replicas' },
        { name: 'Rev', type: 'integer' },
        { name: 'Status' },
        { name: 'URL' },
        { name: 'Age', type: 'date' },
        { name: 'Nodes', priority: 1 },
        { name: 'VMIDs' },
        { name: 'Commit' },
        { name: 'Message', priority: 1 },
      ],
    });
  });

  it('fills cells by their paths: none for what is absent, all of several, ages as people say them', () => {
    expect(table).toMatchObject({
      rows: [{ cells: ['web', 'True', null, 3, null, null, '5m30s', 'pve1,pve2', null, null, 'Serves.'] }],
    });
  });

  it.each([
    ['Metadata', { kind: 'PartialObjectMetadata', metadata: { name: 'web' } }],
    ['Object', { kind: 'Service', spec: { replicas: 1 } }],
    ['None', null],
  ] as const)('brings %s with each row', (include, object) => {
    expect(tableOf(Service, [web], { metadata: {}, include, now })).toMatchObject({ rows: [{ object }] });
  });
});

describe('humanDuration', () => {
  it.each([
    [-5_000, '0s'],
    [45_900, '45s'],
    [119_000, '119s'],
    [200_000, '3m20s'],
    [180_000, '3m'],
    [3_600_000, '60m'],
    [4 * 3_600_000 + 120_000, '4h2m'],
    [30 * 3_600_000, '30h'],
    [55 * 3_600_000, '2d7h'],
    [20 * 86_400_000, '20d'],
    [800 * 86_400_000, '2y70d'],
    [4_000 * 86_400_000, '10y'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });
});
