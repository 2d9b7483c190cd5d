import { describe, expect, it } from 'vitest';
import { Project } from '../../crds/project.ts';
import { testGuest, testObject } from '../shared/testing.ts';
import { reportProject, usageOf } from './report.ts';

const now = new Date('2026-01-01T01:00:00Z');
const guest = testGuest({ resources: { cpu: '100m', memory: '1Gi', storage: '2Gi' } });

describe('usageOf', () => {
  it('adds up what guests are promised, without the dust of floating point', () => {
    expect(usageOf(1, [guest, guest, guest])).toEqual({
      services: 1,
      guests: 3,
      cpu: 0.3,
      memoryBytes: 3 * 2 ** 30,
      storageBytes: 6 * 2 ** 30,
    });
  });
});

describe('reportProject', () => {
  it.each([
    [{}, 'True', /ready/],
    [{ guests: 2, cpu: '1', memory: '2Gi', storage: '4Gi' }, 'True', /ready/],
    [{ guests: 1 }, 'False', /2 guests of 1/],
    [{ cpu: '100m' }, 'False', /cpu 0.2 of 100m/],
    [{ memory: '1Gi', storage: '1Gi' }, 'False', /memory beyond 1Gi, storage beyond 1Gi/],
  ])('with a quota of %j is Ready %s', (quota, ready, words) => {
    const project = testObject(Project, 'shop', { quota });
    const { conditions } = reportProject(project, project.status, usageOf(1, [guest, guest]), now);
    const said = conditions.find(({ type }) => type === 'Ready');
    expect(said).toMatchObject({ status: ready, message: expect.stringMatching(words) });
    expect(conditions.find(({ type }) => type === 'QuotaOK')?.status).toBe(ready);
  });
});
