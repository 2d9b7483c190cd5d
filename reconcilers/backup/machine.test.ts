import { transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import { backupMachine, type BackupFacts, type BackupState } from './machine.ts';

const nothing: BackupFacts = {
  failed: false,
  unproven: false,
  good: false,
  admitted: false,
  taken: false,
  proven: false,
  gone: false,
  unqueried: false,
};
const names = ['failed', 'unproven', 'good', 'admitted', 'taken', 'proven', 'gone', 'unqueried'] as const;
const states: BackupState[] = ['Pending', 'Taking', 'Verifying', 'Completed', 'Expired', 'Failed'];
const everyFact: BackupFacts[] = Array.from({ length: 2 ** names.length }, (_, bits) => {
  const facts = { ...nothing };
  names.forEach((name, index) => {
    facts[name] = (bits & (1 << index)) !== 0;
  });
  return facts;
});

function step(state: BackupState, facts: Partial<BackupFacts>, now = 0): BackupState {
  const from = backupMachine.resolveState({ value: state, context: { deadline: 1_000 } });
  const event = { type: 'OBSERVED', facts: { ...nothing, ...facts }, now, deadlineMs: 1_000 } as const;
  return transition(backupMachine, from, event)[0].value;
}

describe('the backup machine', () => {
  it.each<[BackupState, Partial<BackupFacts>, BackupState]>([
    ['Pending', {}, 'Pending'],
    ['Pending', { admitted: true }, 'Taking'],
    ['Pending', { failed: true, admitted: true }, 'Failed'],
    ['Taking', {}, 'Taking'],
    ['Taking', { taken: true }, 'Verifying'],
    ['Taking', { failed: true }, 'Failed'],
    ['Verifying', { taken: true }, 'Verifying'],
    ['Verifying', { proven: true }, 'Completed'],
    ['Verifying', { failed: true, proven: true }, 'Failed'],
    ['Verifying', { unproven: true, good: true }, 'Completed'],
    ['Completed', { gone: true }, 'Expired'],
    ['Completed', { unqueried: true }, 'Verifying'],
    ['Expired', { gone: true }, 'Expired'],
    ['Expired', {}, 'Completed'],
  ])('goes from %s with %j to %s', (from, facts, to) => {
    expect(step(from, facts)).toBe(to);
  });

  it.each<[BackupState, boolean, BackupState]>([
    ['Pending', false, 'Failed'],
    ['Taking', false, 'Failed'],
    ['Verifying', false, 'Failed'],
    // What was good stays good when a later trial does not come to an end.
    ['Verifying', true, 'Completed'],
    ['Completed', true, 'Completed'],
  ])('after its time is up while %s (good before: %s) is %s', (from, good, to) => {
    expect(step(from, { good }, 1_000)).toBe(to);
    expect(step(from, { good }, 999)).toBe(from);
  });

  it('leaves what failed as it is, whatever is seen', () => {
    for (const facts of everyFact) expect(step('Failed', facts, 1e9)).toBe('Failed');
  });

  it('completes nothing for the first time that was not read back', () => {
    for (const state of states.filter((one) => one !== 'Completed' && one !== 'Expired'))
      for (const facts of everyFact)
        if (step(state, facts) === 'Completed') expect(facts.proven || facts.unproven || facts.good).toBe(true);
    for (const facts of everyFact)
      for (const state of ['Pending', 'Taking'] as const) expect(step(state, facts, 1e9)).not.toBe('Completed');
  });

  it('gives each state the whole time', () => {
    const from = backupMachine.resolveState({ value: 'Pending', context: { deadline: 1_000 } });
    const facts = { ...nothing, admitted: true };
    const [after] = transition(backupMachine, from, { type: 'OBSERVED', facts, now: 900, deadlineMs: 1_000 });
    expect(after.context.deadline).toBe(1_900);
  });
});
