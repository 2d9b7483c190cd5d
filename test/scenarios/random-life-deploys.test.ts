import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deployment } from '../../crds/deployment.ts';
import {
  cancelBuilds,
  change,
  expectNoTwins,
  push,
  rollBack,
  runAndCheck,
  servingVmids,
  setPaused,
} from './random-steps.ts';
import { SpineWorld } from './spine-world.ts';

const BUDGET_MS = 12_000;
const OVER: ReadonlySet<string | undefined> = new Set(['Active', 'Failed', 'Superseded', 'RolledBack']);

/** Everything about deploys, and nothing that takes a guest away. */
type Step =
  | { do: 'push' | 'cancelBuilds' | 'killProcess' }
  | { do: 'rollBack'; index: number }
  | { do: 'pause' | 'health' | 'build'; works: boolean }
  | { do: 'scale'; replicas: number };
type Timed = Step & { thenMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('push', 'cancelBuilds', 'killProcess') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rollBack'), index: fc.nat({ max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('pause', 'health', 'build'), works: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('scale'), replicas: fc.integer({ min: 1, max: 3 }) }) },
);
const life = fc.array(
  fc.tuple(step, fc.constantFrom(0, 500, 2_000, 12_000, 90_000)).map(([what, thenMs]): Timed => ({ ...what, thenMs })),
  { minLength: 3, maxLength: 12 },
);

async function carryOut(spine: SpineWorld, what: Step): Promise<void> {
  switch (what.do) {
    case 'push':
      return push(spine);
    case 'cancelBuilds':
      return cancelBuilds(spine);
    case 'killProcess':
      return spine.world.restart();
    case 'rollBack':
      return rollBack(spine, what.index);
    case 'pause':
      return setPaused(spine, !what.works);
    case 'health':
      spine.processes = what.works ? 'healthy' : 'unhealthy';
      return;
    case 'build':
      return spine.docker.fail('build', what.works ? undefined : 'buildFailed');
    case 'scale':
      return change(spine, (spec) => ({ ...spec, replicas: what.replicas }));
    default:
      return what satisfies never;
  }
}

/** Whatever is deployed, and however that ends, a guest of a revision that took over runs at every moment. */
async function liveAndEnd(spine: SpineWorld, steps: readonly Timed[]): Promise<void> {
  await spine.prepare();
  await spine.createService('web', { replicas: 2, rollout: { progressDeadline: '30s', drain: '2s' } });
  await spine.world.runUntilQuiet();
  const check = async (): Promise<void> => {
    await expectNoTwins(spine);
    expect(await servingVmids(spine)).not.toEqual([]);
  };
  for (const { thenMs, ...what } of steps) {
    await carryOut(spine, what);
    await runAndCheck(spine, thenMs, check);
  }
  spine.processes = 'healthy';
  spine.docker.fail('build', undefined);
  await setPaused(spine, false);
  await push(spine);
  await spine.world.runUntilQuiet();
  await check();
  const { spec } = await spine.service();
  expect(spine.readyOf(await spine.service())).toBe('True Available');
  expect(spine.runningVmids()).toHaveLength(spec.replicas);
  const unfinished = (await spine.all(Deployment)).filter(({ status }) => !OVER.has(status.phase));
  expect(unfinished.map(({ metadata, status }) => `${metadata.name} ${status.phase}`)).toEqual([]);
}

describe('a life of pushes, cancels, rollbacks, pauses, failures and crashes', () => {
  it('has a guest that serves at every moment, and ends with what was pushed last', { timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(life, async (steps) => {
      const spine = new SpineWorld();
      try {
        await liveAndEnd(spine, steps);
      } finally {
        await spine.world.restart();
        spine.dispose();
      }
    });
    await fc.assert(property, { numRuns: 1_000, interruptAfterTimeLimit: BUDGET_MS });
  });
});
