import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { Reason } from '../../crds/reasons.ts';
import type { GuestRun } from '../providers/guest/guest-run.ts';
import type { StepContext } from './context.ts';

export type Finished = Extract<GuestRun, { state: 'exited' }>;

const RUN_CHECK_MS = 1_000;
const HELD_CHECK_MS = 15_000;
/** Messages stay readable; the whole is in the guest. */
const MAX_TAIL = 600;

/**
 * Has the guest run a command once for this backup, however often it is asked for, and answers how it ended; or what to wait
 * for meanwhile. `what` says what it does, as in "The engine writes its data out".
 */
export async function runOnce(
  { pass, links }: Pick<StepContext, 'pass' | 'links'>,
  guest: { uid: string; name: string },
  command: string,
  { reason, what }: { reason: Reason; what: string },
): Promise<{ run: Finished } | { outcome: Outcome }> {
  const run = await links.run(guest.uid, { id: `${pass.resource.metadata.uid}-${command}`, command }, pass.signal);
  switch (run.state) {
    case 'exited':
      return { run };
    case 'running':
      return { outcome: waiting(reason, `${what}.`, RUN_CHECK_MS) };
    case 'unknown': {
      const message = `Guest ${guest.name} was started without the command "${command}": ${run.message}. Restart it.`;
      return { outcome: waiting('SupervisorOutdated', message, HELD_CHECK_MS) };
    }
    case 'unreachable': {
      const message = `The supervisor of guest ${guest.name} cannot be asked for "${command}": ${run.message}.`;
      return { outcome: waiting('SupervisorUnreachable', message, RUN_CHECK_MS) };
    }
    default:
      return run satisfies never;
  }
}

/** How a command failed, in a sentence. Pure. */
export function failedWords(guest: string, command: string, { code, tail }: Finished): string {
  const words = tail.trim().slice(-MAX_TAIL);
  return `The command "${command}" in guest ${guest} ended with code ${code}${words === '' ? '.' : `: ${words}`}`;
}
