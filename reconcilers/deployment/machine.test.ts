import * as fc from 'fast-check';
import { initialTransition, transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import { deploymentMachine, isInFlight, type DeploymentFacts, type DeploymentState } from './machine.ts';

const states: DeploymentState[] = [
  'Pending',
  'AwaitingBuild',
  'PreDeploying',
  'Provisioning',
  'TakingOver',
  'Verifying',
  'Promoting',
  'Draining',
  'Active',
  'Failed',
  'Superseded',
  'RolledBack',
];
const ends = new Set<DeploymentState>(['Failed', 'Superseded', 'RolledBack']);
const input = { progressMs: 1_000, preDeployMs: 500, now: 0 };

const anyFacts: fc.Arbitrary<DeploymentFacts> = fc.record({
  build: fc.constantFrom('absent', 'running', 'succeeded', 'failed'),
  preDeploy: fc.constantFrom('none', 'running', 'succeeded', 'failed'),
  recreate: fc.boolean(),
  prepared: fc.boolean(),
  guests: fc.constantFrom('missing', 'running'),
  healthy: fc.boolean(),
  complete: fc.boolean(),
  taken: fc.boolean(),
  predecessors: fc.nat({ max: 2 }),
  newer: fc.constantFrom('none', 'waiting', 'promoted', 'rollback'),
  paused: fc.boolean(),
});

const good: DeploymentFacts = {
  build: 'succeeded',
  preDeploy: 'none',
  recreate: false,
  prepared: true,
  guests: 'running',
  healthy: true,
  complete: true,
  taken: true,
  predecessors: 0,
  newer: 'none',
  paused: false,
};

function move(state: DeploymentState, facts: DeploymentFacts, now: number) {
  const context = { ...input, deadline: 1_000, heldMs: null, progress: 0, exposed: false };
  const from = deploymentMachine.resolveState({ value: state, context });
  return transition(deploymentMachine, from, { type: 'OBSERVED', facts, now })[0];
}

function step(state: DeploymentState, facts: Partial<DeploymentFacts>, now = 0): DeploymentState {
  return move(state, { ...good, ...facts }, now).value;
}

function wayFrom(state: DeploymentState, facts: Partial<DeploymentFacts>): DeploymentState[] {
  const way = [state];
  for (;;) {
    const next = step(way.at(-1) ?? state, facts);
    if (next === way.at(-1) || way.length > 20) return way;
    way.push(next);
  }
}

describe('the deployment machine', () => {
  it('begins as Pending', () => {
    expect(initialTransition(deploymentMachine, input)[0].value).toBe('Pending');
  });

  it.each<[string, Partial<DeploymentFacts>, DeploymentState[]]>([
    ['rolling', {}, ['Provisioning', 'Verifying', 'Promoting']],
    ['with a command', { preDeploy: 'succeeded' }, ['PreDeploying', 'Provisioning', 'Verifying', 'Promoting']],
    ['at once', { recreate: true }, ['Provisioning', 'TakingOver', 'Verifying', 'Promoting']],
  ])('goes all the way when everything is well: %s', (_, facts, middle) => {
    expect(wayFrom('Pending', facts)).toEqual(['Pending', 'AwaitingBuild', ...middle, 'Draining', 'Active']);
  });

  const late = 1_000;
  it.each<[DeploymentState, string, Partial<DeploymentFacts>, number, DeploymentState]>([
    ['Pending', 'is overtaken', { newer: 'waiting' }, 0, 'Superseded'],
    ['Pending', 'is paused', { paused: true }, 0, 'Pending'],
    ['AwaitingBuild', 'waits for the build', { build: 'running' }, 0, 'AwaitingBuild'],
    ['AwaitingBuild', 'waits for a build that is not there', { build: 'absent' }, 0, 'AwaitingBuild'],
    ['AwaitingBuild', 'has no build', { build: 'failed' }, 0, 'Failed'],
    ['AwaitingBuild', 'is late', { build: 'running' }, late, 'Failed'],
    ['AwaitingBuild', 'is overtaken', { newer: 'waiting' }, 0, 'Superseded'],
    ['AwaitingBuild', 'is paused', { paused: true }, late, 'AwaitingBuild'],
    ['AwaitingBuild', 'has a command', { preDeploy: 'running' }, 0, 'PreDeploying'],
    ['PreDeploying', 'waits for the command', { preDeploy: 'running' }, 0, 'PreDeploying'],
    ['PreDeploying', 'saw the command fail', { preDeploy: 'failed' }, 0, 'Failed'],
    ['PreDeploying', 'is late', { preDeploy: 'running' }, late, 'Failed'],
    ['PreDeploying', 'is overtaken', { newer: 'waiting' }, 0, 'Superseded'],
    ['PreDeploying', 'is paused', { paused: true, preDeploy: 'succeeded' }, late, 'PreDeploying'],
    ['Provisioning', 'waits for its guests', { guests: 'missing' }, 0, 'Provisioning'],
    ['Provisioning', 'is late', { guests: 'missing' }, late, 'Failed'],
    ['Provisioning', 'is overtaken', { newer: 'waiting' }, 0, 'Superseded'],
    ['Provisioning', 'is paused', { paused: true }, late, 'Provisioning'],
    ['Provisioning', 'is not prepared to take over at once', { recreate: true, prepared: false }, 0, 'Provisioning'],
    ['Provisioning', 'is never prepared', { recreate: true, prepared: false }, late, 'Failed'],
    ['Provisioning', 'is paused before it stops anything', { recreate: true, paused: true }, late, 'Provisioning'],
    ['TakingOver', 'waits for its guests', { recreate: true, guests: 'missing' }, 0, 'TakingOver'],
    ['TakingOver', 'is late', { recreate: true, guests: 'missing' }, late, 'Failed'],
    ['TakingOver', 'is overtaken', { recreate: true, newer: 'waiting' }, 0, 'Superseded'],
    ['TakingOver', 'is paused, which would keep it down', { recreate: true, paused: true }, 0, 'Verifying'],
    ['Verifying', 'waits for health', { healthy: false }, 0, 'Verifying'],
    ['Verifying', 'is late', { healthy: false }, late, 'Failed'],
    ['Verifying', 'is overtaken', { newer: 'waiting' }, 0, 'Superseded'],
    ['Verifying', 'is paused', { paused: true }, late, 'Verifying'],
    ['Verifying', 'is paused, which would keep it down', { recreate: true, paused: true }, 0, 'Promoting'],
    ['Promoting', 'waits for the proxy', { taken: false }, 0, 'Promoting'],
    ['Promoting', 'waits for the rest of its guests', { complete: false }, 0, 'Promoting'],
    ['Promoting', 'is late', { complete: false }, late, 'Failed'],
    ['Promoting', 'is overtaken half-way', { complete: false, newer: 'waiting' }, 0, 'Superseded'],
    ['Promoting', 'is overtaken when it has taken over', { newer: 'waiting' }, 0, 'Draining'],
    ['Promoting', 'is paused half-way', { complete: false, paused: true }, late, 'Promoting'],
    ['Draining', 'waits for the guests before', { predecessors: 1 }, 0, 'Draining'],
    ['Draining', 'no longer waits for guests that nobody can remove', { predecessors: 1 }, late, 'Active'],
    ['Draining', 'is replaced', { newer: 'promoted' }, 0, 'Superseded'],
    ['Draining', 'is rolled back', { newer: 'rollback' }, 0, 'RolledBack'],
    ['Active', 'sees a newer one on its way', { newer: 'waiting' }, 0, 'Active'],
    ['Active', 'is replaced', { newer: 'promoted' }, 0, 'Superseded'],
    ['Active', 'is rolled back', { newer: 'rollback' }, 0, 'RolledBack'],
    ['Active', 'lost a guest', { guests: 'missing', healthy: false, complete: false }, late, 'Active'],
  ])('%s: %s', (from, _, facts, now, to) => {
    expect(step(from, facts, now)).toBe(to);
  });

  it('promotes nothing that was not seen running and healthy', () => {
    check((state, facts) => {
      const next = step(state, facts);
      if (next === 'Promoting' && state !== 'Promoting')
        expect(facts).toMatchObject({ guests: 'running', healthy: true });
      if (next === 'Draining' && state !== 'Draining') expect(facts).toMatchObject({ complete: true, taken: true });
    });
  });

  it('stops nothing of the revision before until its own guests are made', () => {
    check((state, facts) => {
      if (step(state, facts) === 'TakingOver' && state !== 'TakingOver')
        expect(facts).toMatchObject({ recreate: true, prepared: true });
    });
  });

  it('makes no guest before its command has succeeded', () => {
    check((state, facts) => {
      const { preDeploy } = facts;
      if (step(state, facts) === 'Provisioning' && state !== 'Provisioning')
        expect(preDeploy === 'none' || preDeploy === 'succeeded').toBe(true);
    });
  });

  it('leaves every end as it is, whatever is seen', () => {
    check((state, facts) => {
      if (ends.has(state)) expect(step(state, facts, 10_000)).toBe(state);
    });
  });

  it('never fails a revision that has taken over', () => {
    check((state, facts) => {
      if (state === 'Draining' || state === 'Active') expect(step(state, facts, 1e9)).not.toBe('Failed');
    });
  });

  it('has a way out of every state on the way when its time is over, unless it is paused', () => {
    check((state, facts) => {
      if ((!isInFlight(state) && state !== 'Draining') || facts.paused) return;
      expect(step(state, facts, 1_000)).not.toBe(state);
    });
  });

  it('fails nothing while it is paused, but what the pause does not hold', () => {
    check((state, facts) => {
      if (facts.paused && !facts.recreate && state !== 'TakingOver' && !ends.has(state))
        expect(step(state, facts, 1e9)).not.toBe('Failed');
    });
  });

  it('gives a state that it comes to the time that it needs', () => {
    const deadlineAfter = (state: DeploymentState, facts: Partial<DeploymentFacts>) =>
      move(state, { ...good, ...facts }, 300).context.deadline;
    expect(deadlineAfter('AwaitingBuild', {})).toBe(1_300);
    expect(deadlineAfter('AwaitingBuild', { preDeploy: 'running' })).toBe(300 + 500 + 5 * 60_000);
    expect(deadlineAfter('Verifying', {})).toBe(1_300);
  });
});

function check(property: (state: DeploymentState, facts: DeploymentFacts) => void): void {
  fc.assert(fc.property(fc.constantFrom(...states), anyFacts, property), { numRuns: 3_000 });
}
