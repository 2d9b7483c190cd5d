import { describe, expect, it } from 'vitest';
import { Deployment } from '../../crds/deployment.ts';
import { Service } from '../../crds/service.ts';
import { testObject } from '../shared/testing.ts';
import { buildHashOf, planService, templateHashOf } from './plan.ts';

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
const settled = { service: web, status: recorded, buildExists: true, deploymentExists: true, deployments: [] };

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
    ['a new service', {}, web.status, true],
    ['another branch', { source: { ...source, branch: 'next' } }, recorded, true],
    ['a restart that is asked for', { restartedAt: 'now' }, recorded, true],
    ['other build arguments', { build: { args: { A: 'b' } } }, recorded, true],
    ['another environment', { env: [{ name: 'A', value: 'b' }] }, recorded, false],
    ['other resources', { resources: { memory: '1Gi' } }, recorded, false],
    ['another start command', { build: { startCommand: 'serve' } }, recorded, false],
  ])('records a revision for %s', (_, spec, status, rebuild) => {
    expect(planService({ ...settled, service: service(spec), status })).toMatchObject({ do: 'newRevision', rebuild });
  });

  it.each([
    ['replicas', { replicas: 3 }],
    ['suspension', { suspended: true }],
    ['domains', { domains: [{ host: 'web.example' }] }],
  ])('needs no revision for %s', (_, spec) => {
    expect(planService({ ...settled, service: service(spec) })).toEqual({ do: 'nothing' });
  });

  it('makes what was recorded and is not there, the build first', () => {
    expect(planService({ ...settled, buildExists: false, deploymentExists: false })).toEqual({ do: 'createBuild' });
    expect(planService({ ...settled, deploymentExists: false })).toEqual({ do: 'createDeployment' });
  });

  it('forgets the oldest of many revisions that are over, and none that serves or is the newest', () => {
    const plan = planService({ ...settled, deployments: revisions(14, 'Superseded') });
    expect(plan.do === 'prune' && plan.deployments.map(({ metadata }) => metadata.name)).toEqual([
      'web-r4',
      'web-r3',
      'web-r2',
    ]);
    expect(planService({ ...settled, deployments: revisions(14, 'Active') })).toEqual({ do: 'nothing' });
  });

  it.each([
    [{ type: 'cron', schedule: '* * * * *' }, /cron/],
    [{ runtime: 'vm' }, /"vm"/],
    [{ rollout: { strategy: 'Recreate' } }, /Recreate/],
    [{ build: { builder: 'railpack' } }, /railpack/],
    [{ build: { buildCommand: 'make' } }, /buildCommand/],
  ])('says of %j that it is not carried out', (spec, words) => {
    const plan = planService({ ...settled, service: service(spec) });
    expect(plan).toMatchObject({ do: 'unsupported', message: expect.stringMatching(words) });
  });
});
