import type { Progress } from '../../crds/workload.ts';
import { DeploymentContext, isHolding, isInFlight, type DeploymentFacts } from './machine.ts';

interface ClockFacts {
  facts: Pick<DeploymentFacts, 'paused' | 'recreate'>;
  /** How far the guests are; see `progressOf`. */
  progress: number;
  now: number;
}

/**
 * The saved machine with its deadline put right before it is moved: the deadline stands still while the rollout is paused, and
 * begins anew when the guests are farther than they ever were. A guest that flaps gains no time. Pure.
 */
export function keepTime(saved: Progress | undefined, { facts, progress, now }: ClockFacts): Progress | undefined {
  if (!saved || !isInFlight(saved.state)) return saved;
  const read = DeploymentContext.safeParse(saved.context);
  if (!read.success) return saved;
  const context = { ...read.data };
  if (isHolding(saved.state, facts)) context.heldMs ??= Math.max(0, context.deadline - now);
  else if (context.heldMs !== null) {
    context.deadline = now + context.heldMs;
    context.heldMs = null;
  }
  if (progress > context.progress) {
    context.progress = progress;
    context.deadline = Math.max(context.deadline, now + context.progressMs);
    if (context.heldMs !== null) context.heldMs = Math.max(context.heldMs, context.progressMs);
  }
  return { ...saved, context };
}
