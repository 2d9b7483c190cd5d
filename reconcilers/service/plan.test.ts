import { describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Service } from '../../crds/service.ts';
import { testObject } from '../shared/testing.ts';
import { revisionOfSpec } from './child-manifests.ts';
import { buildHashOf, templateHashOf } from './hashes.ts';
import { needlessBuilds, planService } from './plan.ts';

const source = { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main' };
const service = (spec: Record<string, unknown> = {}): Service => testObject(Service, 'web', { source, ...spec });
const web = service();
const recorded = {
  ...web.status,
  latestRevision: 1,
  latestBuild: 'web-b1',
  latestDeployment: 'web-r1',
  templateHash: templateHashOf(web.spec),
  buildHash: buildHashOf(web.spec),
};
const build = testObject(Build, 'web-b1', { source }, { phase: 'Succeeded' });
const failedBuild = testObject(Build, 'web-b1', { source }, { phase: 'Failed' });
const newest = fromSpec(1);
const settled = {
  service: web,
  status: recorded,
  build,
  newest,
  deployments: [newest],
  missing: undefined,
  following: { do: 'nothing' },
  newCommit: undefined,
} as const;

/** As the loop makes them. */
function fromSpec(revision: number, status: Record<string, unknown> = {}): Deployment {
  const { metadata, spec } = revisionOfSpec(web, revision, 'web-b1');
  const made = testObject(Deployment, metadata.name, spec, status);
  return { ...made, metadata: { ...made.metadata, annotations: metadata.annotations ?? {} } };
}

/** As somebody else makes them. */
function rollback(revision: number): Deployment {
  const spec = { service: 'web', revision, build: 'web-b0', template: {}, rollbackOf: 'web-r0' };
  return testObject(Deployment, `web-r${revision}`, spec);
}

function revisions(count: number, phase: string): Deployment[] {
  return Array.from({ length: count }, (_, index) => {
    const revision = count - index;
    const spec = { service: 'web', revision, build: `web-b${revision}`, template: {} };
    return testObject(Deployment, `web-r${revision}`, spec, { phase });
  });
}

describe('planService', () => {
  it('does nothing when all that is asked for is recorded', () => {
    expect(planService(settled)).toEqual({ do: 'nothing' });
  });

  it.each([
    ['another branch', { source: { ...source, branch: 'next' } }, undefined],
    ['a restart that is asked for', { restartedAt: 'now' }, undefined],
    ['other build arguments', { build: { args: { A: 'b' } } }, undefined],
    ['another environment', { env: [{ name: 'A', value: 'b' }] }, 'web-b1'],
    ['other resources', { resources: { memory: '1Gi' } }, 'web-b1'],
    ['another start command', { build: { startCommand: 'serve' } }, 'web-b1'],
    ['a volume', { volumes: [{ name: 'data', mountPath: '/data' }] }, 'web-b1'],
  ])('makes a revision for %s, with the same image where that will do', (_, spec, image) => {
    expect(planService({ ...settled, service: service(spec) })).toEqual({
      do: 'newRevision',
      revision: 2,
      build: image,
    });
  });

  it('makes the first revision of a new service', () => {
    const input = { ...settled, status: web.status, build: undefined, newest: undefined, deployments: [] };
    expect(planService(input)).toEqual({ do: 'newRevision', revision: 1, build: undefined });
  });

  it.each([
    ['replicas', { replicas: 3 }],
    ['suspension', { suspended: true }],
    ['domains', { domains: [{ host: 'web.example' }] }],
  ])('needs no revision for %s', (_, spec) => {
    expect(planService({ ...settled, service: service(spec) })).toEqual({ do: 'nothing' });
  });

  it('needs no revision for a volume that is to grow', () => {
    const volume = (size: string): Service => service({ volumes: [{ name: 'data', mountPath: '/data', size }] });
    expect(templateHashOf(volume('1Gi').spec)).toBe(templateHashOf(volume('2Gi').spec));
  });

  it('builds anew what failed to build', () => {
    const input = { ...settled, service: service({ resources: { memory: '1Gi' } }), build: failedBuild };
    expect(planService(input)).toMatchObject({ do: 'newRevision', build: undefined });
  });

  it('leaves a revision that somebody else made the newest, until the spec changes', () => {
    const input = { ...settled, status: { ...recorded, latestRevision: 2 }, newest: rollback(2) };
    expect(planService(input)).toEqual({ do: 'nothing' });
    const changed = planService({ ...input, service: service({ resources: { memory: '1Gi' } }) });
    // Not with the image of the rollback: the spec names another source.
    expect(changed).toEqual({ do: 'newRevision', revision: 3, build: undefined });
  });

  it('makes the newest revision again when it was deleted, under the next number', () => {
    const status = { ...recorded, latestRevision: 2 };
    expect(planService({ ...settled, status })).toMatchObject({ do: 'newRevision', revision: 3 });
  });

  it('makes a revision of a commit that is new on the branch, after what the spec asks for', () => {
    expect(planService({ ...settled, newCommit: 'c2' })).toEqual({ do: 'newCommit', revision: 2, commit: 'c2' });
    const changed = { ...settled, service: service({ resources: { memory: '1Gi' } }), newCommit: 'c2' };
    expect(planService(changed)).toMatchObject({ do: 'newRevision' });
  });

  it('makes the build that the newest revision names, unless its image is known or it failed', () => {
    const input = { ...settled, build: undefined };
    expect(planService(input)).toEqual({ do: 'createBuild', newest });
    expect(planService({ ...input, newest: fromSpec(1, { phase: 'Failed' }) })).toEqual({ do: 'nothing' });
  });

  it.each([
    ['the spec', { service: service({ resources: { memory: '1Gi' }, rollout: { paused: true } }) }, 'spec'],
    ['a new commit', { service: service({ rollout: { paused: true } }), newCommit: 'c2' }, 'commit'],
    [
      'a changed reference',
      { service: service({ rollout: { paused: true } }), following: { do: 'roll' } },
      'references',
    ],
  ] as const)('holds %s back while new revisions are paused', (_, change, of) => {
    expect(planService({ ...settled, ...change })).toMatchObject({ do: 'hold', hold: { of, reason: 'Paused' } });
  });

  it('holds the spec back while something is missing that it refers to', () => {
    const input = { ...settled, service: service({ resources: { memory: '1Gi' } }), missing: 'env A: There is none.' };
    const hold = { of: 'spec', reason: 'ConfigMissing', message: 'env A: There is none.' };
    expect(planService(input)).toEqual({ do: 'hold', hold });
  });

  it('follows references by the same revision once more, or by a restart', () => {
    expect(planService({ ...settled, following: { do: 'roll' } })).toEqual({
      do: 'revisionOnceMore',
      revision: 2,
      newest,
    });
    expect(planService({ ...settled, following: { do: 'restart' } })).toEqual({ do: 'restartGuests' });
  });

  it('forgets the oldest of many revisions that are over, and none that serves or is the newest', () => {
    const many = revisions(14, 'Superseded');
    const plan = planService({ ...settled, newest: many[0], deployments: many });
    expect(plan.do === 'prune' && plan.deployments.map(({ metadata }) => metadata.name)).toEqual([
      'web-r3',
      'web-r2',
      'web-r1',
    ]);
    expect(planService({ ...settled, deployments: revisions(14, 'Active') })).toEqual({ do: 'nothing' });
  });

  it.each([[{ runtime: 'vm' }, /"vm"/]])('says of %j that it is not carried out', (spec, words) => {
    const plan = planService({ ...settled, service: service(spec) });
    expect(plan).toMatchObject({ do: 'unsupported', message: expect.stringMatching(words) });
  });
});

describe('needlessBuilds', () => {
  const ended = { phase: 'Succeeded', completedAt: '2026-01-01T00:00:00.000Z' };
  const [newestOfAll] = revisions(3, 'Active');
  const at = (name: string, creationTimestamp: string, status: Record<string, unknown> = ended): Build => {
    const made = testObject(Build, name, { source }, status);
    return { ...made, metadata: { ...made.metadata, creationTimestamp } };
  };

  it.each([
    ['an old one that nobody needs', at('web-b0', '2025-12-31T00:00:00.000Z'), true],
    ['one that a revision was made from', at('web-b3', '2025-12-31T00:00:00.000Z'), false],
    ['one that is younger than the newest revision', at('web-b9', '2026-01-02T00:00:00.000Z'), false],
    ['one that is still at work', at('web-b0', '2025-12-31T00:00:00.000Z', {}), false],
  ])('%s', (_, one, isNeedless) => {
    const kept = newestOfAll ? [newestOfAll] : [];
    expect(needlessBuilds([one], kept)).toEqual(isNeedless ? [one] : []);
  });
});
