import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeProblems, validateManifest, type FieldProblem } from './validate.ts';

const service = {
  apiVersion: 'containr.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { source: { type: 'image', image: 'nginx:1.29' } },
};
const cluster = { apiVersion: 'containr.dev/v1alpha1', kind: 'ProxmoxCluster', metadata: { name: 'home' } };

function problemsOf(raw: unknown): FieldProblem[] {
  const validated = validateManifest(raw);
  return validated.ok ? [] : validated.problems;
}

function withSpec(spec: object): object {
  return { ...service, spec: { ...service.spec, ...spec } };
}

describe('validateManifest', () => {
  it('reads a manifest and fills in the defaults', () => {
    const validated = validateManifest(service);
    expect(validated).toMatchObject({
      ok: true,
      manifest: { kind: 'Service', metadata: { name: 'web' }, spec: { replicas: 1, resources: { memory: '512Mi' } } },
    });
  });

  it.each<[string, unknown, string, string]>([
    [
      'a field nobody knows',
      withSpec({ replica: 2 }),
      'spec.replica',
      'is not a known field; did you mean "replicas"?',
    ],
    [
      'an unknown field deep inside',
      withSpec({ env: [{ name: 'A', valu: 'x' }] }),
      'spec.env[0].valu',
      'is not a known field; did you mean "value"?',
    ],
    [
      'an unknown field like no other',
      withSpec({ rollout: { banana: 1 } }),
      'spec.rollout.banana',
      'is not a known field; known are strategy, maxSurge, progressDeadline, drain, paused',
    ],
    ['a wrong type', withSpec({ replicas: 'two' }), 'spec.replicas', 'expected a whole number, got "two"'],
    ['a fraction of a replica', withSpec({ replicas: 1.5 }), 'spec.replicas', 'expected a whole number, got 1.5'],
    ['a list where a map belongs', withSpec({ source: [] }), 'spec.source', 'expected a map of fields, got a list'],
    ['null where a list belongs', withSpec({ ports: null }), 'spec.ports', 'expected a list, got nothing'],
    [
      'a value outside the choices',
      withSpec({ runtime: 'docker' }),
      'spec.runtime',
      'must be one of "lxc", "vm", got "docker"',
    ],
    ['a missing field', { ...service, spec: {} }, 'spec.source', 'is required'],
    [
      'a missing choice',
      { ...service, spec: { source: {} } },
      'spec.source.type',
      'is required (one of "git", "dockerfile", "image")',
    ],
    ['a missing name', { ...service, metadata: {} }, 'metadata.name', 'is required'],
    [
      'a bad quantity',
      withSpec({ resources: { memory: '12Q' } }),
      'spec.resources.memory',
      'must be a size such as "512Mi" or "4Gi"',
    ],
    [
      'a quantity that is none',
      withSpec({ resources: { cpu: true } }),
      'spec.resources.cpu',
      'expected text or a number, got true',
    ],
    ['a number that is too large', withSpec({ replicas: 5000 }), 'spec.replicas', 'must be at most 1000'],
    [
      'a text that is too long',
      withSpec({ displayName: 'x'.repeat(200) }),
      'spec.displayName',
      'must be at most 128 characters long',
    ],
    [
      'the name of an environment variable',
      withSpec({ build: { environment: { 'A B': 'x' } } }),
      'spec.build.environment["A B"]',
      'must be letters, digits and "_", and not begin with a digit',
    ],
    ['a rule across fields', withSpec({ type: 'cron' }), 'spec.schedule', 'is required when type is "cron"'],
    ['a wrong version', { ...service, apiVersion: 'v1' }, 'apiVersion', 'must be "containr.dev/v1alpha1"'],
    [
      'a generated name',
      { ...service, metadata: { name: 'web', generateName: 'web-' } },
      'metadata.generateName',
      'cannot be applied; give the object a metadata.name',
    ],
    [
      'a namespace of a kind that has none',
      { apiVersion: service.apiVersion, kind: 'Project', metadata: { name: 'shop', namespace: 'shop' } },
      'metadata.namespace',
      'must not be set: a Project is not in a project',
    ],
    ['an empty list', { ...cluster, spec: { regions: [] } }, 'spec.regions', 'must have at least one entry'],
    [
      'an address',
      { ...cluster, spec: { network: { addressing: 'dhcp', bridge: 'vmbr0', nameservers: ['lan'] } } },
      'spec.network.nameservers[0]',
      'must be an IPv4 address',
    ],
    ['something that is no object', 'web', '', 'expected an object with apiVersion, kind, metadata and spec'],
  ])('names %s', (_, raw, path, message) => {
    expect(problemsOf(raw)).toContainEqual({ path, message });
  });

  it.each(['Web_1', 'web.v1', '-web', 'w'.repeat(64)])('refuses %s as the name of a Service', (name) => {
    const problems = problemsOf({ ...service, metadata: { name, namespace: 'shop' } });
    expect(problems.map(({ path }) => path)).toEqual(['metadata.name']);
  });

  it('suggests the kind that was meant, and lists them all', () => {
    const [problem] = problemsOf({ ...service, kind: 'Servce' });
    expect(problem?.path).toBe('kind');
    expect(problem?.message).toContain('Did you mean "Service"?');
    expect(problem?.message).toContain('Project, Secret, ProxmoxCluster');
  });

  it('knows kinds by their names in any form', () => {
    expect(problemsOf({ ...service, kind: 'svc' })[0]?.message).toContain('Did you mean "Service"?');
  });

  it('names every wrong field at once', () => {
    const paths = problemsOf({ ...withSpec({ replicas: -1, typ: 'web' }), extra: 1 }).map(({ path }) => path);
    expect(paths).toEqual(['extra', 'spec.replicas', 'spec.typ']);
  });

  it('does not show the value of a Secret that is refused', () => {
    const problems = problemsOf({ ...service, kind: 'Secret', spec: { data: { pin: 4711 } } });
    expect(problems).toEqual([{ path: 'spec.data.pin', message: 'expected text; put numbers in quotes' }]);
  });

  it('answers whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (metadata, spec) => {
        const validated = validateManifest({ ...service, metadata, spec });
        if (validated.ok) return;
        expect(validated.problems.length).toBeGreaterThan(0);
        for (const { message } of validated.problems) expect(message).not.toContain('Invalid input');
      }),
    );
  });
});

describe('describeProblems', () => {
  it('puts each field before what is wrong with it', () => {
    const problems = [
      { path: '', message: 'expected an object' },
      { path: 'spec.replicas', message: 'is required' },
    ];
    expect(describeProblems(problems)).toBe('expected an object; spec.replicas: is required');
  });
});
