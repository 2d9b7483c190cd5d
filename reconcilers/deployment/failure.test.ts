import { describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { Route } from '../../crds/route.ts';
import { Volume } from '../../crds/volume.ts';
import { testCondition, testGuest, testObject } from '../shared/testing.ts';
import { failureOf } from './failure.ts';
import { testView as view } from './testing.ts';

function guest(ready: ReturnType<typeof testCondition>): Guest {
  return testGuest({}, { conditions: [ready], power: 'running' });
}

const full = guest(testCondition('Ready', 'False', 'StorageFull', 'Free space on it.'));
const slow = guest(testCondition('Ready', 'False', 'Creating', 'Proxmox makes it.'));
const up = guest(testCondition('Ready', 'True', 'Healthy'));
const recreate = { facts: { recreate: true, guests: 'missing' } } as const;

function build(phase: string, about: Record<string, unknown> = {}): Build {
  const source = { type: 'git', repository: 'https://git.example/shop/web.git' };
  return testObject(Build, 'web-b1', { source }, { phase, ...about });
}

function job(failure?: string): Job {
  const deployment = testObject(Deployment, 'web-r1', { service: 'web', revision: 1, build: 'web-b1', template: {} });
  const { template } = deployment.spec;
  const spec = { service: 'web', deployment: 'web-r1', artifact: full.spec.artifact, template, trigger: 'pre-deploy' };
  return testObject(Job, 'web-r1-pre', spec, { phase: 'Failed', failure });
}

const stuckVolume = testObject(
  Volume,
  'web-data',
  {},
  { conditions: [testCondition('Ready', 'False', 'StorageFull', 'Free space for the volume.')] },
);
const deafRoute = testObject(
  Route,
  'web',
  { service: 'web', port: 80 },
  { proxy: 'edge', conditions: [testCondition('Stalled', 'True', 'ProviderUnavailable', 'Caddy does not answer.')] },
);

describe('failureOf', () => {
  it.each([
    [
      'a failed build, in its words',
      view({ build: build('Failed', { failure: 'It broke.' }), facts: { build: 'failed' } }),
      'BuildFailed',
      /^It broke\.$/,
    ],
    [
      'a cancelled build',
      view({ build: build('Cancelled'), facts: { build: 'failed' } }),
      'BuildCancelled',
      /cancelled/,
    ],
    ['a build that never ends', view({ facts: { build: 'running' } }), 'DeadlineExceeded', /build did not end in time/],
    [
      'a command that failed, in its words',
      view({ job: job('It ended with code 3.'), facts: { preDeploy: 'failed' } }),
      'PreDeployFailed',
      /command before the rollout failed\. It ended with code 3/,
    ],
    ['a command whose Job is gone', view({ facts: { preDeploy: 'failed' } }), 'PreDeployFailed', /whether it ran/],
    ['a command that never ends', view({ facts: { preDeploy: 'running' } }), 'DeadlineExceeded', /did not end in time/],
    [
      'a guest that was never made',
      view({ guests: [full], facts: { guests: 'missing' } }),
      'DeadlineExceeded',
      /Free space on it/,
    ],
    ['the guest that has something to say', view({ guests: [slow, full] }), 'HealthCheckFailed', /Free space on it/],
    ['old guests that do not stop', view({ clear: false, ...recreate }), 'DeadlineExceeded', /before did not stop/],
    ['a volume', view({ volumes: [stuckVolume], ...recreate }), 'DeadlineExceeded', /Free space for the volume/],
    [
      'the proxy',
      view({ guests: [up], route: deafRoute, facts: { complete: true, taken: false } }),
      'DeadlineExceeded',
      /proxy did not take up the guests in time\. Caddy does not answer/,
    ],
    ['old guests that make no room', view({ guests: [up], desired: 2 }), 'DeadlineExceeded', /make room/],
    ['guests of which nothing is known', view(), 'DeadlineExceeded', /The guests were not ready in time/],
  ])('blames %s', (_, seen, reason, words) => {
    const { ready } = failureOf(seen);
    expect(ready.reason).toBe(reason);
    expect(ready.message).toMatch(words);
  });

  it('names the guest whose last lines tell more', () => {
    expect(failureOf(view({ guests: [full] })).guestUid).toBe(full.metadata.uid);
    expect(failureOf(view({ facts: { build: 'failed' } })).guestUid).toBeUndefined();
  });
});
