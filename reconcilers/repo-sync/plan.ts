import type { Manifest, Resource } from '../../crds/define-kind.ts';
import { Secret } from '../../crds/secret.ts';
import { describeProblems, validateManifest } from '../../crds/validate.ts';
import { mergedManifest, overwritten, ownedManifest } from '../../controller/apply/apply-manifest.ts';
import type { FieldConflict } from '../../controller/apply/apply.ts';
import { fieldPathText } from '../../controller/apply/field-tree.ts';
import { sameJson } from '../../controller/same-json.ts';
import { sealValues, withoutAppliedValues } from '../../controller/secrets/seal-secret.ts';
import type { SecretBox } from '../../controller/secrets/secret-box.ts';
import type { Entry } from './manifests.ts';

/** What is to be done about one object of the repository. */
export type Step =
  | { do: 'nothing'; existing: Resource }
  | { do: 'create'; manifest: Manifest }
  /** `healed`: fields that somebody had changed by hand. */
  | { do: 'update'; object: Resource; healed: string[] }
  /** It cannot be written now; all others can. */
  | { do: 'leave'; reason: 'FieldConflict' | 'Deleting'; message: string }
  /** What comes of the merge is not valid: nothing may be written at all. */
  | { do: 'refuse'; message: string };

interface Planning {
  entry: Entry;
  existing: Resource | undefined;
  manager: string;
  /** Whether the object was applied from here before: then the repository has the last word over changes made by hand. */
  isRecorded: boolean;
  box: SecretBox;
  now: Date;
}

/** What server-side apply makes of an object, without a write. Pure but for the sealing of new values. */
export function planEntry({ entry, existing, manager, isRecorded, box, now }: Planning): Step {
  const { raw, text } = entry;
  if (existing?.metadata.deletionTimestamp !== undefined)
    return { do: 'leave', reason: 'Deleting', message: `${text} is being deleted; it is made anew when it is gone` };
  const statement = { raw, existing, kind: entry.kind, manager };
  const validated = validateManifest(mergedManifest(statement));
  if (!validated.ok)
    return {
      do: 'refuse',
      message: `${text}, with the fields that others set: ${describeProblems(validated.problems)}`,
    };
  const sealed = sealedManifest(box, entry, validated.manifest, existing);
  const { manifest, conflicts } = ownedManifest(statement, sealed, now);
  if (!existing) return { do: 'create', manifest };
  const isHeld = (conflict: FieldConflict): boolean => conflict.operation === 'Apply' || !isRecorded;
  const held = conflicts.filter(isHeld);
  if (held.length > 0) return { do: 'leave', reason: 'FieldConflict', message: conflictText(text, held) };
  const object = overwritten(existing, manifest);
  if (sameIntent(existing, object)) return { do: 'nothing', existing };
  return { do: 'update', object, healed: conflicts.map(({ path }) => fieldPathText(path)) };
}

/** Whether two states of an object say the same of what people want: the same object, spec and metadata. */
export function sameIntent(a: Resource, b: Resource): boolean {
  return a.metadata.uid === b.metadata.uid && sameJson(intentOf(a), intentOf(b));
}

function intentOf({ metadata, spec }: Resource): unknown {
  const { labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = metadata;
  return { labels, annotations, finalizers, ownerReferences, spec };
}

/** With the values of a Secret encrypted, as everywhere; those that are stored already stay as they are stored. */
function sealedManifest(
  box: SecretBox,
  { kind, namespace = '', name }: Entry,
  manifest: Manifest,
  existing: Resource | undefined,
): Manifest {
  if (kind.kind !== Secret.kind) return manifest;
  const spec = Secret.specSchema.parse(manifest.spec);
  const stored = existing ? Secret.specSchema.parse(existing.spec).data : {};
  const { annotations } = manifest.metadata;
  return {
    ...manifest,
    metadata: { ...manifest.metadata, ...(annotations && { annotations: withoutAppliedValues(annotations) }) },
    spec: { ...spec, data: sealValues(box, { namespace, name }, spec.data, stored) },
  };
}

function conflictText(text: string, conflicts: readonly FieldConflict[]): string {
  const fields = conflicts.map(({ manager, path }) => `${fieldPathText(path)} belongs to "${manager}"`);
  return `${text}: ${fields.slice(0, 5).join(', ')}. Leave the fields out, or state the values that they have`;
}
