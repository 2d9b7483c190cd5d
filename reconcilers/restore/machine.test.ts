import { describe, expect, it } from 'vitest';
import { advance } from '../../controller/machine.ts';
import { RestoreContext, restoreMachine, type RestoreFacts, type RestoreState } from './machine.ts';

const NOW = 1_000_000;
const nothing: RestoreFacts = {
  failed: false,
  admitted: false,
  inPlace: false,
  safeguarded: false,
  restored: false,
  read: false,
  answered: false,
  switched: false,
  putBack: false,
};
const states: RestoreState[] = [
  'Pending',
  'Safeguarding',
  'Restoring',
  'Starting',
  'Verifying',
  'Switching',
  'PuttingBack',
];

function next(state: RestoreState, facts: Partial<RestoreFacts>, deadline = NOW + 1): RestoreState {
  return advance(
    restoreMachine,
    { state, context: { deadline }, generation: 1 },
    {
      generation: 1,
      context: RestoreContext,
      input: { deadlineMs: 60_000, now: NOW },
      event: { type: 'OBSERVED', facts: { ...nothing, ...facts }, now: NOW, deadlineMs: 60_000 },
    },
  ).state;
}

describe('restoreMachine', () => {
  it.each<[RestoreState, Partial<RestoreFacts>, RestoreState]>([
    ['Pending', { admitted: true, inPlace: true }, 'Safeguarding'],
    ['Pending', { admitted: true }, 'Restoring'],
    ['Safeguarding', { inPlace: true, safeguarded: true }, 'Restoring'],
    ['Restoring', { restored: true }, 'Completed'],
    ['Restoring', { restored: true, inPlace: true }, 'Starting'],
    ['Starting', { read: true }, 'Verifying'],
    ['Verifying', { answered: true }, 'Switching'],
    ['Switching', { switched: true }, 'Completed'],
    ['Switching', { failed: true, switched: true }, 'PuttingBack'],
    ['PuttingBack', { failed: true, putBack: true }, 'Failed'],
    ['PuttingBack', { failed: true }, 'PuttingBack'],
  ])('goes from %s with %j to %s', (from, facts, to) => {
    expect(next(from, facts)).toBe(to);
  });

  it.each(states)('stays %s while there is no news, and has a way out when its time is over', (state) => {
    expect(next(state, {})).toBe(state);
    expect(next(state, {}, NOW)).toBe(state === 'Switching' ? 'PuttingBack' : 'Failed');
  });

  it.each(states)('never fails from %s past what was switched without putting it back', (state) => {
    const after = next(state, { failed: true });
    expect(after).toBe(state === 'Switching' || state === 'PuttingBack' ? 'PuttingBack' : 'Failed');
  });

  it('reaches the switch by nothing but data that were read and answered', () => {
    for (const state of states.slice(0, 5))
      for (const facts of [{ read: true }, { answered: true }, { restored: true, switched: true }])
        if (!(state === 'Verifying' && 'answered' in facts)) expect(next(state, facts)).not.toBe('Switching');
  });
});
