import { assign, setup, type StateValueFrom } from 'xstate';
import { z } from 'zod';

/** What a look at the status and the work under way found. */
export interface BuildFacts {
  cancelled: boolean;
  /** It still waits, and a newer build of the same service does too. */
  superseded: boolean;
  /** The work of the present stage ended for good without success. */
  failed: boolean;
  /** A builder is ready and has a place for this build. */
  admitted: boolean;
  fetched: boolean;
  detected: boolean;
  built: boolean;
  /** The archive is in the artifact store: made now, or by an earlier build of the same. */
  exported: boolean;
  published: boolean;
}

/** The saved memory of the machine. */
export const BuildContext = z.object({ deadline: z.number() });

const cancelled = { guard: 'isCancelled', target: 'Cancelled' } as const;
const superseded = { guard: 'isSuperseded', target: 'Cancelled' } as const;
const failed = { guard: 'hasFailed', target: 'Failed' } as const;
const late = { guard: 'isLate', target: 'Failed' } as const;
const reused = { guard: 'isExported', target: 'Publishing' } as const;

/** One build's way from source to archive. Pure: guards and assign only. */
export const buildMachine = setup({
  types: {
    input: {} as { deadlineMs: number; now: number },
    context: {} as { deadline: number },
    events: {} as { type: 'OBSERVED'; facts: BuildFacts; now: number; deadlineMs: number },
  },
  guards: {
    isSuperseded: ({ event: { facts } }) => facts.superseded,
    isCancelled: ({ event: { facts } }) => facts.cancelled,
    hasFailed: ({ event: { facts } }) => facts.failed,
    isAdmitted: ({ event: { facts } }) => facts.admitted,
    isFetched: ({ event: { facts } }) => facts.fetched,
    isDetected: ({ event: { facts } }) => facts.detected,
    isBuilt: ({ event: { facts } }) => facts.built,
    isExported: ({ event: { facts } }) => facts.exported,
    isPublished: ({ event: { facts } }) => facts.published,
    isLate: ({ context, event }) => event.now >= context.deadline,
  },
  actions: {
    // Waiting for a place is not the build's own time.
    startClock: assign({ deadline: ({ event }) => event.now + event.deadlineMs }),
  },
}).createMachine({
  id: 'build',
  context: ({ input }) => ({ deadline: input.now + input.deadlineMs }),
  initial: 'Pending',
  states: {
    Pending: {
      on: { OBSERVED: [cancelled, superseded, { guard: 'isAdmitted', target: 'Fetching', actions: 'startClock' }] },
    },
    Fetching: { on: { OBSERVED: [cancelled, failed, { guard: 'isFetched', target: 'Detecting' }, late] } },
    Detecting: { on: { OBSERVED: [cancelled, failed, reused, { guard: 'isDetected', target: 'Building' }, late] } },
    Building: { on: { OBSERVED: [cancelled, failed, reused, { guard: 'isBuilt', target: 'Exporting' }, late] } },
    Exporting: { on: { OBSERVED: [cancelled, failed, reused, late] } },
    Publishing: { on: { OBSERVED: [cancelled, failed, { guard: 'isPublished', target: 'Succeeded' }, late] } },
    Succeeded: {},
    Failed: {},
    Cancelled: {},
  },
});

export type BuildState = StateValueFrom<typeof buildMachine>;
