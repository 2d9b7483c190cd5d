import { describe, expect, it } from 'vitest';
import type { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { testGuest, testObject } from '../shared/testing.ts';
import { planJob, type JobPlan } from './plan.ts';
import { reportEnd, reportJob } from './report.ts';

const now = new Date('2026-01-01T12:00:00Z');
const spec = { service: 'web', deployment: 'web-r1', artifact: testGuest().spec.artifact, template: {} };
const job = testObject(Job, 'web-1', spec);
const cancelledJob = testObject(Job, 'web-1', { ...spec, cancelled: true });
const begun = { ...job.status, startedAt: '2026-01-01T11:30:00Z' };
const made = { ...begun, guestUid: 'uid' };
const running = testGuest({}, { power: 'running', startedAt: '2026-01-01T11:31:00Z' });
const ended = (lastExit: Record<string, unknown>): Guest =>
  testGuest({}, { finished: true, lastExit: { at: '2026-01-01T11:45:00Z', ...lastExit } });
const leaving = { ...running, metadata: { ...running.metadata, deletionTimestamp: '2026-01-01T11:50:00Z' } };

function plan(input: Partial<Parameters<typeof planJob>[0]>): JobPlan {
  return planJob({ job, status: made, guest: running, now, ...input });
}

describe('planJob', () => {
  it.each<[string, Parameters<typeof plan>[0], object]>([
    ['saves first that a guest is asked for', { status: job.status, guest: undefined }, { do: 'begin' }],
    ['asks for it after a crash in between', { status: begun, guest: undefined }, { do: 'createGuest' }],
    ['waits for the end, or the deadline', {}, { do: 'wait', checkAfterMs: 30 * 60_000 }],
    ['notes a good end', { guest: ended({ code: 0 }) }, { do: 'end', end: { phase: 'Succeeded', exitCode: 0 } }],
    ['notes a bad end', { guest: ended({ code: 3 }) }, { do: 'end', end: { phase: 'Failed', exitCode: 3 } }],
    [
      'notes a signal',
      { guest: ended({ signal: 9 }) },
      { do: 'end', end: { phase: 'Failed', failure: 'The run was ended by signal 9.' } },
    ],
    ['takes an end that nobody saw for a bad one', { guest: ended({}) }, { do: 'end', end: { phase: 'Failed' } }],
    ['never runs again what was lost', { guest: undefined }, { do: 'end', end: { phase: 'Failed' } }],
    ['ends with a guest that somebody removes', { guest: leaving }, { do: 'end', end: { phase: 'Failed' } }],
    ['stops when it is cancelled', { job: cancelledJob }, { do: 'end', end: { phase: 'Cancelled' } }],
    [
      'begins nothing that is cancelled already',
      { job: cancelledJob, status: job.status, guest: undefined },
      { do: 'end', end: { phase: 'Cancelled' } },
    ],
    [
      'believes an end rather than a cancellation that came too late',
      { job: cancelledJob, guest: ended({ code: 0 }) },
      { do: 'end', end: { phase: 'Succeeded' } },
    ],
    [
      'stops when the deadline is over',
      { now: new Date('2026-01-01T12:30:00Z') },
      { do: 'end', end: { phase: 'Failed', reason: 'DeadlineExceeded', failure: expect.stringContaining('1h') } },
    ],
    ['removes the guest after the end', { status: { ...made, phase: 'Failed' } }, { do: 'removeGuest' }],
    ['is done then', { status: { ...made, phase: 'Failed' }, guest: undefined }, { do: 'nothing' }],
  ])('%s', (_, input, expected) => {
    expect(plan(input)).toMatchObject(expected);
  });
});

describe('reportJob', () => {
  it('says what holds the guest up, and does not call pending again what ran', () => {
    const first = reportJob(job, job.status, undefined, now);
    expect(first).toMatchObject({ phase: 'Pending' });
    const second = reportJob(job, first, running, now);
    expect(second).toMatchObject({ phase: 'Running', guestUid: running.metadata.uid });
    expect(reportJob(job, second, testGuest({}, { power: 'unknown' }), now).phase).toBe('Running');
  });

  it('leaves the end as it was noted', () => {
    const failed = { phase: 'Failed', reason: 'JobFailed', exitCode: 2, failure: 'It failed.' } as const;
    const status = reportEnd(job, made, failed, ['no such table'], now);
    expect(status).toMatchObject({ phase: 'Failed', exitCode: 2, completedAt: now.toISOString() });
    expect(status.failure).toBe('It failed.\nIts last lines:\nno such table');
    expect(reportJob(job, status, running, now)).toEqual(status);
  });
});
