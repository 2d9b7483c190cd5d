import { describe, expect, it } from 'vitest';
import { auditDiff, type AuditChange } from './audit-diff.ts';

describe('auditDiff', () => {
  it.each<[string, unknown, unknown, AuditChange[]]>([
    ['says nothing of what is the same', { spec: { a: 1 } }, { spec: { a: 1 } }, []],
    [
      'tells what a field was and is',
      { spec: { replicas: 1, name: 'web' } },
      { spec: { replicas: 2, name: 'web' } },
      [{ path: 'spec.replicas', before: '1', after: '2' }],
    ],
    [
      'tells what came and what went',
      { spec: { a: 1 } },
      { spec: { b: { c: [1] } } },
      [
        { path: 'spec.a', before: '1' },
        { path: 'spec.b', after: '{"c":[1]}' },
      ],
    ],
    [
      'tells the fields of what was not there before one by one',
      {},
      { spec: { type: 'web', replicas: 1 } },
      [
        { path: 'spec.type', after: '"web"' },
        { path: 'spec.replicas', after: '1' },
      ],
    ],
    [
      'hides the values of a Secret',
      { spec: { data: { password: 'a1' } } },
      { spec: { data: { password: 'b2', more: 'c3' } } },
      [
        { path: 'spec.data.password', before: '(hidden)', after: '(hidden)' },
        { path: 'spec.data.more', after: '(hidden)' },
      ],
    ],
    [
      'hides the values of environment variables, and tells their names',
      { spec: { env: [{ name: 'A', value: 'hunter2' }] } },
      { spec: { env: [] } },
      [{ path: 'spec.env', before: '[{"name":"A","value":"(hidden)"}]', after: '[]' }],
    ],
    [
      'hides build arguments, however deep',
      { spec: {} },
      { spec: { build: { args: { TOKEN: 'hunter2' }, builder: 'auto' } } },
      [{ path: 'spec.build', after: '{"args":{"TOKEN":"(hidden)"},"builder":"auto"}' }],
    ],
    [
      'leaves out what moves with every write',
      { metadata: { resourceVersion: '1', generation: 1, labels: { a: 'b' } } },
      { metadata: { resourceVersion: '2', generation: 2, labels: { a: 'c' } } },
      [{ path: 'metadata.labels.a', before: '"b"', after: '"c"' }],
    ],
  ])('%s', (_, before, after, changes) => {
    expect(auditDiff(before, after)).toEqual(changes);
  });

  it('tells only so many fields, and only so much of each', () => {
    const after = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`k${index}`, 'x'.repeat(2_000)]));
    const changes = auditDiff({}, { spec: after });
    expect(changes).toHaveLength(51);
    expect(changes.at(-1)).toEqual({ path: 'and 10 more' });
    expect(changes[0]?.after).toHaveLength(513);
  });
});
