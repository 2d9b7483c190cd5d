import { assign, setup, type StateValueFrom } from 'xstate';
import { z } from 'zod';

/** What a look at the status and at the objects around it found. */
export interface RestoreFacts {
  /** Something went wrong that time does not mend; the status says what. */
  failed: boolean;
  /** The backup is good, the target can take it, and it is its turn; which way it goes is saved. */
  admitted: boolean;
  /** The target is there and keeps its name; otherwise it is made. */
  inPlace: boolean;
  /** What the target has is known, with the login that it needs. */
  safeguarded: boolean;
  /** The data are on a volume; of a new target: it is ready with them. */
  restored: boolean;
  /** All of it was read and is what the backup has. */
  read: boolean;
  /** It answered a query, where it is something to be queried. */
  answered: boolean;
  /** The target is ready with the restored data. */
  switched: boolean;
  /** The target has again what it had. */
  putBack: boolean;
}

/** The saved memory of the machine. */
export const RestoreContext = z.object({ deadline: z.number() });

/** The target is down meanwhile: what does not come up by then is put back. */
export const SWITCH_MS = 10 * 60_000;

const failed = { guard: 'hasFailed', target: 'Failed' } as const;
const late = { guard: 'isLate', target: 'Failed' } as const;

/** A restore's way. Nothing of the target is touched before the new data are proven. Pure: guards and assign only. */
export const restoreMachine = setup({
  types: {
    input: {} as { deadlineMs: number; now: number },
    context: {} as { deadline: number },
    events: {} as { type: 'OBSERVED'; facts: RestoreFacts; now: number; deadlineMs: number },
  },
  guards: {
    hasFailed: ({ event: { facts } }) => facts.failed,
    mayReplace: ({ event: { facts } }) => facts.admitted && facts.inPlace,
    mayMake: ({ event: { facts } }) => facts.admitted && !facts.inPlace,
    isSafeguarded: ({ event: { facts } }) => facts.safeguarded,
    isRestored: ({ event: { facts } }) => facts.restored && facts.inPlace,
    isMade: ({ event: { facts } }) => facts.restored && !facts.inPlace,
    isRead: ({ event: { facts } }) => facts.read,
    hasAnswered: ({ event: { facts } }) => facts.answered,
    isSwitched: ({ event: { facts } }) => facts.switched,
    isPutBack: ({ event: { facts } }) => facts.putBack,
    isLate: ({ context, event }) => event.now >= context.deadline,
  },
  actions: {
    // Waiting for its turn is not the restore's own time.
    startClock: assign({ deadline: ({ event }) => event.now + event.deadlineMs }),
    allowSwitch: assign({ deadline: ({ event }) => event.now + SWITCH_MS }),
  },
}).createMachine({
  id: 'restore',
  context: ({ input }) => ({ deadline: input.now + input.deadlineMs }),
  initial: 'Pending',
  states: {
    Pending: {
      on: {
        OBSERVED: [
          failed,
          { guard: 'mayReplace', target: 'Safeguarding', actions: 'startClock' },
          { guard: 'mayMake', target: 'Restoring', actions: 'startClock' },
          late,
        ],
      },
    },
    Safeguarding: { on: { OBSERVED: [failed, { guard: 'isSafeguarded', target: 'Restoring' }, late] } },
    Restoring: {
      on: {
        OBSERVED: [failed, { guard: 'isMade', target: 'Completed' }, { guard: 'isRestored', target: 'Starting' }, late],
      },
    },
    Starting: { on: { OBSERVED: [failed, { guard: 'isRead', target: 'Verifying' }, late] } },
    Verifying: {
      on: { OBSERVED: [failed, { guard: 'hasAnswered', target: 'Switching', actions: 'allowSwitch' }, late] },
    },
    Switching: {
      on: {
        OBSERVED: [
          { guard: 'hasFailed', target: 'PuttingBack', actions: 'allowSwitch' },
          { guard: 'isSwitched', target: 'Completed' },
          { guard: 'isLate', target: 'PuttingBack', actions: 'allowSwitch' },
        ],
      },
    },
    PuttingBack: { on: { OBSERVED: [{ guard: 'isPutBack', target: 'Failed' }, late] } },
    Completed: {},
    Failed: {},
  },
});

export type RestoreState = StateValueFrom<typeof restoreMachine>;
