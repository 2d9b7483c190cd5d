import { describe, expect, it } from 'vitest';
import type { DeploymentState } from './machine.ts';
import { keepTime } from './progress-clock.ts';

const beside = { recreate: false, paused: false };

function saved(state: DeploymentState, context: Record<string, unknown> = {}) {
  return { state, generation: 1, context: { progressMs: 600, preDeployMs: 0, deadline: 1_000, ...context } };
}

function kept(state: DeploymentState, context: Record<string, unknown>, facts: Parameters<typeof keepTime>[1]) {
  return keepTime(saved(state, context), facts)?.context;
}

describe('keepTime', () => {
  it('begins the deadline anew when the guests are farther than ever', () => {
    const context = kept('Provisioning', { progress: 1 }, { facts: beside, progress: 2, now: 900 });
    expect(context).toMatchObject({ deadline: 1_500, progress: 2 });
  });

  it('gives no time to guests that go back and forth', () => {
    const back = kept('Verifying', { progress: 4 }, { facts: beside, progress: 2, now: 900 });
    expect(back).toMatchObject({ deadline: 1_000, progress: 4 });
    expect(kept('Verifying', { progress: 4 }, { facts: beside, progress: 4, now: 950 })).toMatchObject({
      deadline: 1_000,
    });
  });

  it('stands still while the rollout is paused, and goes on with what was left', () => {
    const paused = { facts: { ...beside, paused: true }, progress: 0 };
    const held = kept('Provisioning', {}, { ...paused, now: 700 });
    expect(held).toMatchObject({ heldMs: 300 });
    expect(kept('Provisioning', { ...held }, { ...paused, now: 900_000 })).toMatchObject({ heldMs: 300 });
    const resumed = kept('Provisioning', { ...held }, { facts: beside, progress: 0, now: 1_000_000 });
    expect(resumed).toMatchObject({ deadline: 1_000_300, heldMs: null });
  });

  it('goes on while a pause would keep the service down', () => {
    const facts = { recreate: true, paused: true };
    expect(kept('TakingOver', {}, { facts, progress: 0, now: 700 })).toMatchObject({ heldMs: null });
    expect(kept('Provisioning', {}, { facts, progress: 0, now: 700 })).toMatchObject({ heldMs: 300 });
  });

  it('leaves what is over, new or unreadable alone', () => {
    const over = saved('Active');
    const facts = { facts: beside, progress: 9, now: 900 };
    expect(keepTime(over, facts)).toBe(over);
    expect(keepTime(undefined, facts)).toBeUndefined();
    const unreadable = { state: 'Verifying', generation: 1, context: { deadline: 'soon' } };
    expect(keepTime(unreadable, facts)).toBe(unreadable);
  });
});
