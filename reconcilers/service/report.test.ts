import { describe, expect, it } from 'vitest';
import { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import { testCondition, testGuest, testObject } from '../shared/testing.ts';
import { reportService, type ServiceView } from './report.ts';

const now = new Date('2026-01-01T01:00:00Z');
const source = { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main' };

function deployment(revision: number, phase: string, message = 'Words.'): Deployment {
  const spec = { service: 'web', revision, build: `web-b${revision}`, template: {} };
  const conditions = [testCondition('Ready', phase === 'Active' ? 'True' : 'False', 'Provisioning', message)];
  return testObject(Deployment, `web-r${revision}`, spec, { phase, promoted: phase === 'Active', conditions });
}

function guest(ready: ReturnType<typeof testCondition>): Guest {
  return testGuest({}, { conditions: [ready], addresses: ['10.40.0.50'], node: 'pve1', vmid: 20_000 });
}

const up = guest(testCondition('Ready', 'True', 'Healthy'));
const down = guest(testCondition('Ready', 'False', 'CrashLoop', 'It ends with code 1.'));
const unseen = guest(testCondition('Ready', 'Unknown', 'NodeOffline', 'Node pve1 does not answer.'));
const serving = deployment(1, 'Active');

function report(view: Partial<ServiceView>, spec: Record<string, unknown> = {}): Service['status'] & { said: string } {
  const service = testObject(Service, 'web', { source, ...spec });
  const whole = {
    active: undefined,
    latest: undefined,
    build: undefined,
    guests: [],
    route: undefined,
    jobs: [],
    ...view,
  };
  const status = reportService(service, service.status, whole, now);
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return { ...status, said: `${ready?.status} ${ready?.reason}: ${ready?.message}` };
}

describe('reportService', () => {
  it.each<[string, Partial<ServiceView>, Record<string, unknown>, string, string]>([
    ['before the first revision', {}, {}, 'Pending', 'False Progressing: A new revision is being recorded.'],
    [
      'while it is built',
      { latest: deployment(1, 'AwaitingBuild', 'There is no Builder.') },
      {},
      'Building',
      'False Progressing: Revision 1 is being rolled out. There is no Builder.',
    ],
    [
      'when it serves',
      { latest: serving, active: serving, guests: [up] },
      {},
      'Running',
      'True Available: Revision 1 serves.',
    ],
    [
      'when a guest is down',
      { latest: serving, active: serving, guests: [down] },
      {},
      'Running',
      'False Degraded: Fewer guests than asked for are ready. Guest web-r1-0: It ends with code 1.',
    ],
    [
      'when nobody can look',
      { latest: serving, active: serving, guests: [unseen] },
      {},
      'Running',
      'Unknown Degraded: Fewer guests than asked for are ready. Guest web-r1-0: Node pve1 does not answer.',
    ],
    [
      'when the newest failed and the one before serves',
      { latest: deployment(2, 'Failed', 'It broke.'), active: serving, guests: [up] },
      {},
      'Running',
      'False DeploymentFailed: Revision 2 failed. It broke. Revision 1 still serves.',
    ],
    [
      'when the first failed',
      { latest: deployment(1, 'Failed', 'It broke.') },
      {},
      'Failed',
      'False DeploymentFailed: Revision 1 failed. It broke.',
    ],
    [
      'when it is suspended',
      { latest: serving, active: serving },
      { suspended: true },
      'Suspended',
      'False Suspended: The service is suspended.',
    ],
    [
      'when nothing is asked for',
      { latest: serving, active: serving },
      { replicas: 0 },
      'Stopped',
      'True NoReplicas: The service is scaled to nothing.',
    ],
  ])('%s', (_, view, spec, phase, said) => {
    expect(report(view, spec)).toMatchObject({ phase, said });
  });

  it('names where it is reached, also while nobody can look, and not when it is down', () => {
    const view = { latest: serving, active: serving };
    expect(report({ ...view, guests: [up] }).url).toBe('http://10.40.0.50:8080');
    expect(report({ ...view, guests: [unseen] }).url).toBe('http://10.40.0.50:8080');
    expect(report({ ...view, guests: [down] }).url).toBeUndefined();
    expect(report({ ...view, guests: [up] }, { type: 'worker' }).url).toBeUndefined();
  });

  it('counts what is ready and lists where the guests are', () => {
    expect(report({ latest: serving, active: serving, guests: [up, down] }, { replicas: 2 })).toMatchObject({
      revision: 1,
      activeDeployment: 'web-r1',
      replicas: { desired: 2, ready: 1, summary: '1/2' },
      nodes: ['pve1'],
      vmids: [20_000, 20_000],
    });
  });
});
