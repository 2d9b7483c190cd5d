import { transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import { buildMachine, type BuildFacts, type BuildState } from './machine.ts';

const working: BuildState[] = ['Fetching', 'Detecting', 'Building', 'Exporting', 'Publishing'];
const ends: BuildState[] = ['Succeeded', 'Failed', 'Cancelled'];
const nothing: BuildFacts = {
  cancelled: false,
  superseded: false,
  failed: false,
  admitted: false,
  fetched: false,
  detected: false,
  built: false,
  exported: false,
  published: false,
};
const names = [
  'cancelled',
  'superseded',
  'failed',
  'admitted',
  'fetched',
  'detected',
  'built',
  'exported',
  'published',
] as const;
const everyFact: BuildFacts[] = Array.from({ length: 512 }, (_, bits) => {
  const facts = { ...nothing };
  names.forEach((name, index) => {
    facts[name] = (bits & (1 << index)) !== 0;
  });
  return facts;
});

function step(state: BuildState, facts: BuildFacts, now = 0): BuildState {
  const from = buildMachine.resolveState({ value: state, context: { deadline: 1_000 } });
  return transition(buildMachine, from, { type: 'OBSERVED', facts, now, deadlineMs: 1_000 })[0].value;
}

describe('the build machine', () => {
  it('waits for a builder without a deadline of its own', () => {
    expect(step('Pending', nothing, 1e12)).toBe('Pending');
    expect(step('Pending', { ...nothing, admitted: true })).toBe('Fetching');
  });

  it('gives its place to a newer one only while it waits', () => {
    expect(step('Pending', { ...nothing, superseded: true, admitted: true })).toBe('Cancelled');
    for (const state of working) expect(step(state, { ...nothing, superseded: true })).toBe(state);
  });

  it('goes from stage to stage as each is done', () => {
    expect(step('Fetching', { ...nothing, fetched: true })).toBe('Detecting');
    expect(step('Detecting', { ...nothing, detected: true })).toBe('Building');
    expect(step('Building', { ...nothing, built: true })).toBe('Exporting');
    expect(step('Exporting', { ...nothing, exported: true })).toBe('Publishing');
    expect(step('Publishing', { ...nothing, exported: true, published: true })).toBe('Succeeded');
  });

  it('skips building when the same was built before', () => {
    expect(step('Detecting', { ...nothing, detected: true, exported: true })).toBe('Publishing');
    expect(step('Building', { ...nothing, built: true, exported: true })).toBe('Publishing');
  });

  it.each(working)('can be cancelled, can fail and can be late while %s', (state) => {
    expect(step(state, { ...nothing, cancelled: true, failed: true })).toBe('Cancelled');
    expect(step(state, { ...nothing, failed: true })).toBe('Failed');
    expect(step(state, nothing, 1_000)).toBe('Failed');
    expect(step(state, nothing, 999)).toBe(state);
  });

  it('leaves every end as it is, whatever is seen', () => {
    for (const state of ends) for (const facts of everyFact) expect(step(state, facts, 1e9)).toBe(state);
  });

  it('calls nothing a success that was not published', () => {
    for (const state of [...working, 'Pending' as const]) {
      for (const facts of everyFact) if (step(state, facts) === 'Succeeded') expect(facts.published).toBe(true);
    }
  });
});
