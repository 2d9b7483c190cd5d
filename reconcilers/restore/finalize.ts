import { settled, waiting, type Outcome } from '../../controller/outcome.ts';
import { HELD_CHECK_MS, type StepContext } from './context.ts';
import { putDiskBack } from './switch-disks.ts';
import { discard, isTaken, putBack } from './switch.ts';

/** Ends a restore that is deleted: a switch under way is taken back first, and what nobody took goes. What is done stays done. */
export async function finalizeRestore(context: StepContext): Promise<Outcome> {
  const { pass, view } = context;
  const { phase } = pass.status;
  const isSwitching = phase === 'Switching' || phase === 'PuttingBack';
  const isOpen = isSwitching && !view.facts.switched && isTaken(view, pass.status) && !hasItsOwn(context);
  if (isOpen && view.restore.spec.target.kind === 'Database') return putBack(context);
  if (isOpen && view.volumeTarget) return putDiskBack(context);
  if (await discard(context)) return settled();
  return waiting('WaitingForChildren', 'Waiting for the throwaway guest and the restored volume to go.', HELD_CHECK_MS);
}

function hasItsOwn({ pass, view }: StepContext): boolean {
  if (view.volumeTarget) return view.facts.putBack;
  return view.facts.putBack && pass.status.switchTo === pass.status.previousVolume;
}
