import { describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
import { testCondition, testGuest, testObject } from '../shared/testing.ts';
import type { DeploymentState } from './machine.ts';
import type { DeploymentView } from './observe.ts';
import { testView as view } from './testing.ts';
import { reportDeployment } from './report.ts';

const now = new Date('2026-01-01T01:00:00Z');
const deployment = testObject(Deployment, 'web-r1', { service: 'web', revision: 1, build: 'web-b1', template: {} });

function guest(ready: ReturnType<typeof testCondition>): Guest {
  return testGuest({}, { conditions: [ready], power: 'running' });
}

const up = guest(testCondition('Ready', 'True', 'Healthy'));
const full = guest(testCondition('Ready', 'False', 'StorageFull', 'Free space on it.'));
const slow = guest(testCondition('Ready', 'False', 'Creating', 'Proxmox makes it.'));
const unseen = guest(testCondition('Ready', 'Unknown', 'NodeOffline', 'Node pve1 does not answer.'));

function build(phase: string, about: Record<string, unknown> = {}): Build {
  const source = { type: 'git', repository: 'https://git.example/shop/web.git' };
  return testObject(Build, 'web-b1', { source }, { phase, ...about });
}

function said(state: DeploymentState, seen: DeploymentView): string {
  const { conditions } = reportDeployment(deployment, deployment.status, seen, state, now);
  const ready = conditions.find(({ type }) => type === 'Ready');
  return `${ready?.status} ${ready?.reason}: ${ready?.message}`;
}

describe('reportDeployment', () => {
  const held = build('Pending', { conditions: [testCondition('Reconciling', 'True', 'NoBuilder', 'Create one.')] });

  it.each<[DeploymentState, string, DeploymentView, string]>([
    [
      'AwaitingBuild',
      'a build under way',
      view({ build: build('Building') }),
      'False AwaitingBuild: Waiting for the build.',
    ],
    [
      'AwaitingBuild',
      'a build that is held up',
      view({ build: held }),
      'False AwaitingBuild: Waiting for the build. Create one.',
    ],
    ['Provisioning', 'a guest under way', view({ guests: [slow] }), 'False Provisioning: Guests are being made.'],
    [
      'Provisioning',
      'a guest that is held up',
      view({ guests: [full] }),
      'False Provisioning: Guests are being made. Guest web-r1-0: Free space on it.',
    ],
    ['Active', 'all guests', view({ guests: [up] }), 'True Active: The revision serves.'],
    ['Active', 'no guests, as asked', view({ desired: 0 }), 'True NoReplicas: The service is scaled to nothing.'],
    [
      'Active',
      'a guest that nobody can see',
      view({ guests: [unseen] }),
      'Unknown Degraded: Fewer guests than asked for are ready. Guest web-r1-0: Node pve1 does not answer.',
    ],
    ['Superseded', 'a newer revision', view(), 'False Superseded: A newer revision took over.'],
  ])('%s with %s', (state, _, seen, words) => {
    expect(said(state, seen)).toBe(words);
  });

  it('keeps the first words of a failure when its guests are gone', () => {
    const failed = reportDeployment(deployment, deployment.status, view({ guests: [full] }), 'Failed', now);
    const later = reportDeployment(deployment, failed, view(), 'Failed', new Date(now.getTime() + 60_000));
    expect(later.conditions).toEqual(failed.conditions);
    expect(later.completedAt).toBe(failed.completedAt);
  });
});
