import { assign, setup, type StateValueFrom } from 'xstate';
import { z } from 'zod';

/** What a look at the status found. */
export interface BackupFacts {
  /** It failed for good: there is nothing that could be restored, or nobody may rely on it. */
  failed: boolean;
  /** It was good, and a later restore for a trial did not come to an end: which says nothing against it. */
  unproven: boolean;
  /** It was read back once. */
  good: boolean;
  /** Source, guest and node are known and saved, and it is its turn. */
  admitted: boolean;
  /** The archive is on the storage, whole. */
  taken: boolean;
  /** It was read back, and queried where that is asked for. */
  proven: boolean;
  /** Its archive is not on the storage any more. */
  gone: boolean;
  /** It is to be queried, and was not. */
  unqueried: boolean;
}

/** The saved memory of the machine. */
export const BackupContext = z.object({ deadline: z.number() });

const failed = { guard: 'hasFailed', target: 'Failed' } as const;
const late = { guard: 'isLate', target: 'Failed' } as const;

/** A backup's way from a wish to an archive that was read back. Pure: guards and assign only. */
export const backupMachine = setup({
  types: {
    input: {} as { deadlineMs: number; now: number },
    context: {} as { deadline: number },
    events: {} as { type: 'OBSERVED'; facts: BackupFacts; now: number; deadlineMs: number },
  },
  guards: {
    hasFailed: ({ event: { facts } }) => facts.failed,
    isUnproven: ({ event: { facts } }) => facts.unproven,
    isAdmitted: ({ event: { facts } }) => facts.admitted,
    isTaken: ({ event: { facts } }) => facts.taken,
    isProven: ({ event: { facts } }) => facts.proven,
    isGone: ({ event: { facts } }) => facts.gone,
    isThere: ({ event: { facts } }) => !facts.gone,
    isUnqueried: ({ event: { facts } }) => facts.unqueried,
    isGoodAndLate: ({ context, event }) => event.facts.good && event.now >= context.deadline,
    isLate: ({ context, event }) => event.now >= context.deadline,
  },
  actions: {
    // Each state has the whole time: what one of them waited is not the next one's.
    startClock: assign({ deadline: ({ event }) => event.now + event.deadlineMs }),
  },
}).createMachine({
  id: 'backup',
  context: ({ input }) => ({ deadline: input.now + input.deadlineMs }),
  initial: 'Pending',
  states: {
    Pending: { on: { OBSERVED: [failed, { guard: 'isAdmitted', target: 'Taking', actions: 'startClock' }, late] } },
    Taking: { on: { OBSERVED: [failed, { guard: 'isTaken', target: 'Verifying', actions: 'startClock' }, late] } },
    Verifying: {
      on: {
        OBSERVED: [
          failed,
          { guard: 'isUnproven', target: 'Completed' },
          { guard: 'isProven', target: 'Completed' },
          { guard: 'isGoodAndLate', target: 'Completed' },
          late,
        ],
      },
    },
    Completed: {
      on: {
        OBSERVED: [
          { guard: 'isGone', target: 'Expired' },
          { guard: 'isUnqueried', target: 'Verifying', actions: 'startClock' },
        ],
      },
    },
    // A storage that was away comes back with what is on it.
    Expired: { on: { OBSERVED: [{ guard: 'isThere', target: 'Completed' }] } },
    Failed: {},
  },
});

export type BackupState = StateValueFrom<typeof backupMachine>;
