import { setCondition } from '../../crds/condition.ts';
import { Secret } from '../../crds/secret.ts';
import type { Reason } from '../../crds/reasons.ts';
import { settled, stalled } from '../../controller/outcome.ts';
import type { Reconciler } from '../../controller/reconciler.ts';

export type CheckSecret = (secret: Secret) => { ok: true } | { ok: false; reason: Reason; message: string };

/** Says whether the values of a Secret can still be read: a lost key shows here before a rollout needs it. */
export function secretReconciler(check: CheckSecret): Reconciler<Secret> {
  return {
    kind: Secret,

    async reconcile(pass) {
      const reading = check(pass.resource);
      pass.status.conditions = setCondition(
        pass.status.conditions,
        reading.ok
          ? { type: 'Ready', status: 'True', reason: 'Sealed', message: 'The values are encrypted and can be read.' }
          : { type: 'Ready', status: 'False', reason: reading.reason, message: reading.message },
        { generation: pass.resource.metadata.generation, now: pass.now },
      );
      return reading.ok ? settled() : stalled(reading.reason, reading.message);
    },
  };
}
