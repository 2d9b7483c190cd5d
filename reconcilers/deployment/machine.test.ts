import { initialTransition, transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import { deploymentMachine, type DeploymentFacts, type DeploymentState } from './machine.ts';

const states: DeploymentState[] = [
  'Pending',
  'AwaitingBuild',
  'Provisioning',
  'Verifying',
  'Promoting',
  'Draining',
  'Active',
  'Failed',
  'Superseded',
  'RolledBack',
];
const ends = new Set<DeploymentState>(['Failed', 'Superseded', 'RolledBack']);
const input = { progressMs: 1_000, drainMs: 100, now: 0 };

const everyFact: DeploymentFacts[] = (['absent', 'running', 'succeeded', 'failed'] as const).flatMap((build) =>
  (['missing', 'running'] as const).flatMap((guests) =>
    [true, false].flatMap((healthy) =>
      [true, false].flatMap((promoted) =>
        [0, 2].flatMap((predecessors) =>
          (['none', 'waiting', 'promoted', 'rollback'] as const).map((newer) => ({
            build,
            guests,
            healthy,
            promoted,
            predecessors,
            newer,
          })),
        ),
      ),
    ),
  ),
);

function step(state: DeploymentState, facts: DeploymentFacts, now: number, deadline = 1_000): DeploymentState {
  const from = deploymentMachine.resolveState({ value: state, context: { ...input, deadline, drainUntil: 0 } });
  return transition(deploymentMachine, from, { type: 'OBSERVED', facts, now })[0].value;
}

const good: DeploymentFacts = {
  build: 'succeeded',
  guests: 'running',
  healthy: true,
  promoted: true,
  predecessors: 0,
  newer: 'none',
};

describe('the deployment machine', () => {
  it('begins as Pending', () => {
    expect(initialTransition(deploymentMachine, input)[0].value).toBe('Pending');
  });

  it('goes all the way when everything is well', () => {
    const way: DeploymentState[] = ['Pending'];
    while (way.at(-1) !== 'Active' && way.length < 20) way.push(step(way.at(-1) ?? 'Pending', good, 0));
    expect(way).toEqual(['Pending', 'AwaitingBuild', 'Provisioning', 'Verifying', 'Promoting', 'Draining', 'Active']);
  });

  it('promotes nothing that was not seen running and healthy', () => {
    for (const state of states) {
      for (const facts of everyFact) {
        if (state === 'Promoting' || step(state, facts, 0) !== 'Promoting') continue;
        expect(facts).toMatchObject({ guests: 'running', healthy: true });
      }
    }
  });

  it('leaves every end as it is, whatever is seen', () => {
    for (const state of ends) for (const facts of everyFact) expect(step(state, facts, 10_000)).toBe(state);
  });

  it('never fails a revision that has taken over', () => {
    for (const facts of everyFact) {
      for (const state of ['Draining', 'Active'] as const) expect(step(state, facts, 1e9)).not.toBe('Failed');
    }
  });

  it('has a way out of every state before the promotion when its time is over', () => {
    for (const state of ['AwaitingBuild', 'Provisioning', 'Verifying', 'Promoting'] as const) {
      for (const facts of everyFact)
        expect(step(state, facts, 1_000), `${state} ${JSON.stringify(facts)}`).not.toBe(state);
    }
  });

  it('gives way to a newer revision before it has taken over, and after that only once the newer one has', () => {
    const waiting = { ...good, newer: 'waiting' as const };
    expect(step('Provisioning', waiting, 0)).toBe('Superseded');
    expect(step('Active', waiting, 0)).toBe('Active');
    expect(step('Active', { ...good, newer: 'promoted' }, 0)).toBe('Superseded');
    expect(step('Active', { ...good, newer: 'rollback' }, 0)).toBe('RolledBack');
  });

  it('fails at once when the build failed', () => {
    expect(step('AwaitingBuild', { ...good, build: 'failed' }, 0)).toBe('Failed');
  });
});
