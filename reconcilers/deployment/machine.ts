import { assign, setup, type StateValueFrom } from 'xstate';
import { z } from 'zod';

/** What a look at the world found: facts about now, never news of what happened. */
export interface DeploymentFacts {
  build: 'absent' | 'running' | 'succeeded' | 'failed';
  /** The command before the rollout; `none` also for a rollback, whose command ran when its revision was new. */
  preDeploy: 'none' | 'running' | 'succeeded' | 'failed';
  /** Guests of the revision before are stopped before those of this one start. */
  recreate: boolean;
  /** Recreate: the new guests are made, or nothing has to make room for them. */
  prepared: boolean;
  /** Every guest that may be there by now exists and runs. */
  guests: 'missing' | 'running';
  /** Every guest that may be there by now is healthy. */
  healthy: boolean;
  /** As many guests as asked for are healthy. */
  complete: boolean;
  /** The proxy lets this revision take requests, or there is none. */
  taken: boolean;
  /** Guests of other revisions of the service that are still there. */
  predecessors: number;
  /** A newer revision exists, and whether it took over already. */
  newer: 'none' | 'waiting' | 'promoted' | 'rollback';
  /** Rollouts of the service are held where they are. */
  paused: boolean;
}

interface Context {
  progressMs: number;
  preDeployMs: number;
  /** When the present state has lasted too long without progress. */
  deadline: number;
  /** Milliseconds that were left when the rollout was paused; null while it is not. */
  heldMs: number | null;
  /** The farthest that the guests were seen. */
  progress: number;
  /** It took requests at some time: its guests are drained before they go. */
  exposed: boolean;
}

/** The saved memory of the machine. */
export const DeploymentContext = z.object({
  progressMs: z.number(),
  preDeployMs: z.number().default(0),
  deadline: z.number(),
  heldMs: z.number().nullable().default(null),
  progress: z.number().default(0),
  exposed: z.boolean().default(true),
});

/** A build has its own deadline; this one is for a build that never comes to an end at all. */
const BUILD_WAIT_MS = 2 * 60 * 60_000;
/** The Job of the command ends itself in time; this is for one that nobody carries out. */
const JOB_GRACE_MS = 5 * 60_000;

/**
 * One revision's way: build, command, guests, health, traffic, retirement of the revision before. Pure: guards and assign only.
 * Whatever fails before it is complete leaves the revision before serving. A pause holds a rollout except between the stop of
 * the old guests and the takeover of the new, where it would keep the service down.
 */
export const deploymentMachine = setup({
  types: {
    input: {} as { progressMs: number; preDeployMs: number; now: number },
    context: {} as Context,
    events: {} as { type: 'OBSERVED'; facts: DeploymentFacts; now: number },
  },
  guards: {
    isPaused: ({ event: { facts } }) => facts.paused,
    isHeld: ({ event: { facts } }) => facts.paused && !facts.recreate,
    isBuilt: ({ event: { facts } }) => facts.build === 'succeeded',
    isBuiltWithCommand: ({ event: { facts } }) => facts.build === 'succeeded' && facts.preDeploy !== 'none',
    hasNoBuild: ({ event: { facts } }) => facts.build === 'failed',
    hasRunCommand: ({ event: { facts } }) => facts.preDeploy === 'succeeded' || facts.preDeploy === 'none',
    hasFailedCommand: ({ event: { facts } }) => facts.preDeploy === 'failed',
    mayTakeOver: ({ event: { facts } }) => facts.recreate && facts.prepared,
    isRunning: ({ event: { facts } }) => facts.guests === 'running',
    isRunningBeside: ({ event: { facts } }) => !facts.recreate && facts.guests === 'running',
    isHealthy: ({ event: { facts } }) => facts.guests === 'running' && facts.healthy,
    hasTakenOver: ({ event: { facts } }) => facts.guests === 'running' && facts.complete && facts.taken,
    isAlone: ({ event: { facts } }) => facts.predecessors === 0,
    isOvertaken: ({ event: { facts } }) => facts.newer !== 'none',
    isReplaced: ({ event: { facts } }) => facts.newer === 'promoted',
    isRolledBack: ({ event: { facts } }) => facts.newer === 'rollback',
    isLate: ({ context, event }) => event.now >= context.deadline,
  },
  actions: {
    allowBuild: assign({ deadline: ({ event }) => event.now + BUILD_WAIT_MS }),
    allowCommand: assign({ deadline: ({ context, event }) => event.now + context.preDeployMs + JOB_GRACE_MS }),
    allowProgress: assign({ deadline: ({ context, event }) => event.now + context.progressMs }),
    expose: assign({ exposed: true, deadline: ({ context, event }) => event.now + context.progressMs }),
  },
}).createMachine({
  id: 'deployment',
  context: ({ input }) => ({
    progressMs: input.progressMs,
    preDeployMs: input.preDeployMs,
    deadline: input.now + BUILD_WAIT_MS,
    heldMs: null,
    progress: 0,
    exposed: false,
  }),
  initial: 'Pending',
  states: {
    Pending: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded' },
          { guard: 'isPaused' },
          { target: 'AwaitingBuild', actions: 'allowBuild' },
        ],
      },
    },
    AwaitingBuild: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded' },
          { guard: 'isPaused' },
          { guard: 'isBuiltWithCommand', target: 'PreDeploying', actions: 'allowCommand' },
          { guard: 'isBuilt', target: 'Provisioning', actions: 'allowProgress' },
          { guard: 'hasNoBuild', target: 'Failed' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    PreDeploying: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded' },
          { guard: 'isPaused' },
          { guard: 'hasRunCommand', target: 'Provisioning', actions: 'allowProgress' },
          { guard: 'hasFailedCommand', target: 'Failed' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    Provisioning: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded' },
          { guard: 'isPaused' },
          { guard: 'mayTakeOver', target: 'TakingOver', actions: 'allowProgress' },
          { guard: 'isRunningBeside', target: 'Verifying', actions: 'allowProgress' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    TakingOver: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded' },
          { guard: 'isRunning', target: 'Verifying', actions: 'allowProgress' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    Verifying: {
      on: {
        OBSERVED: [
          { guard: 'isOvertaken', target: 'Superseded' },
          { guard: 'isHeld' },
          { guard: 'isHealthy', target: 'Promoting', actions: 'expose' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    Promoting: {
      on: {
        OBSERVED: [
          { guard: 'hasTakenOver', target: 'Draining', actions: 'allowProgress' },
          { guard: 'isOvertaken', target: 'Superseded' },
          { guard: 'isHeld' },
          { guard: 'isLate', target: 'Failed' },
        ],
      },
    },
    Draining: {
      on: {
        OBSERVED: [
          { guard: 'isRolledBack', target: 'RolledBack' },
          { guard: 'isReplaced', target: 'Superseded' },
          { guard: 'isAlone', target: 'Active' },
          { guard: 'isLate', target: 'Active' },
        ],
      },
    },
    Active: {
      on: {
        OBSERVED: [
          { guard: 'isRolledBack', target: 'RolledBack' },
          { guard: 'isReplaced', target: 'Superseded' },
        ],
      },
    },
    Failed: {},
    Superseded: {},
    RolledBack: {},
  },
});

export type DeploymentState = StateValueFrom<typeof deploymentMachine>;

/** From the first look to the takeover: a newer revision takes its place, and a failure leaves the one before serving. */
const inFlight: ReadonlySet<string> = new Set<DeploymentState>([
  'Pending',
  'AwaitingBuild',
  'PreDeploying',
  'Provisioning',
  'TakingOver',
  'Verifying',
  'Promoting',
]);

/** Whether a saved state is on the way to serving. */
export function isInFlight(state: string | undefined): boolean {
  return state === undefined || inFlight.has(state);
}

/** Whether a pause holds a rollout in this state: not while the old guests are stopped for the new ones. */
export function isHolding(
  state: string | undefined,
  { paused, recreate }: Pick<DeploymentFacts, 'paused' | 'recreate'>,
): boolean {
  return paused && isInFlight(state) && !(recreate && isTakingOver(state));
}

/** The old guests are stopped, or asked to be, and the new ones do not serve yet; when it is a Recreate. */
export function isTakingOver(state: string | undefined): boolean {
  return state === 'TakingOver' || state === 'Verifying' || state === 'Promoting';
}
