import { assign, setup, type StateValueFrom } from 'xstate';
import { z } from 'zod';

/** What a look at the world found: facts about now, never news of what happened. */
export interface DeploymentFacts {
  build: 'absent' | 'running' | 'succeeded' | 'failed';
  /** Every wanted guest exists and runs. */
  guests: 'missing' | 'running';
  /** Every wanted guest is healthy. */
  healthy: boolean;
  /** That this revision took over is saved. */
  promoted: boolean;
  /** Guests of other revisions of the service that are still there. */
  predecessors: number;
  /** A newer revision exists, and whether it took over already. */
  newer: 'none' | 'waiting' | 'promoted' | 'rollback';
}

interface Context {
  progressMs: number;
  drainMs: number;
  /** When the present state has lasted too long. */
  deadline: number;
  /** Until when guests that gave up the traffic are left to finish their requests. */
  drainUntil: number;
}

/** The saved memory of the machine. */
export const DeploymentContext = z.object({
  progressMs: z.number(),
  drainMs: z.number(),
  deadline: z.number(),
  drainUntil: z.number(),
});

/** A build has its own deadline; this one is for a build that never comes to an end at all. */
const BUILD_WAIT_MS = 2 * 60 * 60_000;

/**
 * One revision's way: build, guests, health, traffic, retirement of the revision before. Pure: guards and assign only. A
 * failure before the promotion leaves the revision before serving.
 */
export const deploymentMachine = setup({
  types: {
    input: {} as { progressMs: number; drainMs: number; now: number },
    context: {} as Context,
    events: {} as { type: 'OBSERVED'; facts: DeploymentFacts; now: number },
  },
  guards: {
    isBuilt: ({ event: { facts } }) => facts.build === 'succeeded',
    hasNoBuild: ({ event: { facts } }) => facts.build === 'failed',
    isRunning: ({ event: { facts } }) => facts.guests === 'running',
    isHealthy: ({ event: { facts } }) => facts.guests === 'running' && facts.healthy,
    isPromoted: ({ event: { facts } }) => facts.promoted,
    isAlone: ({ event: { facts } }) => facts.predecessors === 0,
    isOvertaken: ({ event: { facts } }) => facts.newer !== 'none',
    isReplaced: ({ event: { facts } }) => facts.newer === 'promoted',
    isRolledBack: ({ event: { facts } }) => facts.newer === 'rollback',
    isLate: ({ context, event }) => event.now >= context.deadline,
  },
  actions: {
    allowBuild: assign({ deadline: ({ event }) => event.now + BUILD_WAIT_MS }),
    allowProgress: assign({ deadline: ({ context, event }) => event.now + context.progressMs }),
    beginDrain: assign({ drainUntil: ({ context, event }) => event.now + context.drainMs }),
    skipDrain: assign({ drainUntil: ({ event }) => event.now }),
  },
}).createMachine({
  id: 'deployment',
  context: ({ input }) => ({
    progressMs: input.progressMs,
    drainMs: input.drainMs,
    deadline: input.now + BUILD_WAIT_MS,
    drainUntil: 0,
  }),
  initial: 'Pending',
  states: {
    Pending: { on: { OBSERVED: { target: 'AwaitingBuild', actions: 'allowBuild' } } },
    AwaitingBuild: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded', actions: 'skipDrain' },
          { guard: 'isBuilt', target: 'Provisioning', actions: 'allowProgress' },
          { guard: 'hasNoBuild', target: 'Failed' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    Provisioning: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded', actions: 'skipDrain' },
          { guard: 'isRunning', target: 'Verifying', actions: 'allowProgress' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    Verifying: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded', actions: 'skipDrain' },
          { guard: 'isHealthy', target: 'Promoting', actions: 'allowProgress' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    Promoting: {
      on: {
        OBSERVED: [
          { guard: 'isPromoted', target: 'Draining' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    Draining: {
      on: {
        OBSERVED: [
          { guard: 'isRolledBack', target: 'RolledBack', actions: 'beginDrain' },
          { guard: 'isReplaced', target: 'Superseded', actions: 'beginDrain' },
          { guard: 'isAlone', target: 'Active' },
        ],
      },
    },
    Active: {
      on: {
        OBSERVED: [
          { guard: 'isRolledBack', target: 'RolledBack', actions: 'beginDrain' },
          { guard: 'isReplaced', target: 'Superseded', actions: 'beginDrain' },
        ],
      },
    },
    Failed: {},
    Superseded: {},
    RolledBack: {},
  },
});

export type DeploymentState = StateValueFrom<typeof deploymentMachine>;
