import { setCondition } from '../../crds/condition.ts';
import { Secret, type OpenedValue } from '../../crds/secret.ts';
import type { Reason } from '../../crds/reasons.ts';
import { settled, stalled } from '../../controller/outcome.ts';
import type { Reconciler } from '../../controller/reconciler.ts';

interface SecretDeps {
  /** Whether every value can be read. */
  check(secret: Secret): { ok: true } | { ok: false; reason: Reason; message: string };
  /** Opens what is sealed, for the status, which is where everybody reads it. */
  open(secret: Secret): Promise<Record<string, OpenedValue>>;
  /** Keys whose values are under an older key of the installation. */
  outdated(secret: Pick<Secret, 'spec' | 'status'>): string[];
}

/** Opens sealed values, and says whether all can be read: a lost key shows here before a rollout needs it. */
export function secretReconciler({ check, open, outdated }: SecretDeps): Reconciler<Secret> {
  return {
    kind: Secret,

    async reconcile(pass) {
      const { opened: _, outdatedKeys: __, ...before } = pass.status;
      const opened = await open(pass.resource);
      const status = { ...before, ...(Object.keys(opened).length > 0 && { opened }) };
      const secret = { ...pass.resource, status };
      const outdatedKeys = outdated(secret);
      const reading = check(secret);
      const conditions = setCondition(
        status.conditions,
        reading.ok
          ? { type: 'Ready', status: 'True', reason: 'Sealed', message: readyMessage(outdatedKeys) }
          : { type: 'Ready', status: 'False', reason: reading.reason, message: reading.message },
        { generation: pass.resource.metadata.generation, now: pass.now },
      );
      pass.status = { ...status, ...(outdatedKeys.length > 0 && { outdatedKeys }), conditions };
      return reading.ok ? settled() : stalled(reading.reason, reading.message);
    },
  };
}

function readyMessage(outdated: readonly string[]): string {
  const good = 'The values are encrypted and can be read.';
  if (outdated.length === 0) return good;
  const names = outdated.map((key) => `"${key}"`).join(', ');
  return `${good} ${names}: under an older key of the installation; seal or write ${outdated.length === 1 ? 'it' : 'them'} anew.`;
}
