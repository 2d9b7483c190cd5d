import { Secret } from '../../crds/secret.ts';
import type { ApiContext } from '../context.ts';
import { fieldOf } from '../../controller/json.ts';
import { Refused } from '../status.ts';
import { applyObject } from './apply-object.ts';
import { mediaTypeOf, readBody } from './body.ts';
import type { ResourceDeps } from './deps.ts';
import { shownMetadata, statedRecords } from '../../controller/apply/field-records.ts';
import { applyJsonPatch, readJsonPatch, type JsonPatchOperation } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import type { Target } from './target.ts';
import { changeObject } from './write.ts';

/** Changes an object by a merge patch, a JSON patch, or an apply. */
export async function patchObject(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const type = mediaTypeOf(context.req.raw);
  if (type === 'application/apply-patch+yaml' || type === 'application/apply-patch+json')
    return applyObject(context, deps, target);
  const change = await readChange(context, target);
  return changeObject(context, deps, target, (existing) => {
    const base = { ...existing, metadata: shownMetadata(existing.metadata) };
    const raw = change(base);
    return { raw, records: statedRecords(fieldOf(raw, 'metadata'), base.metadata.managedFields) };
  });
}

/** Reads a merge or JSON patch from the body. Refuses any other type. */
export async function readChange(
  context: ApiContext,
  { kind }: Pick<Target, 'kind'>,
): Promise<(base: object) => unknown> {
  const type = mediaTypeOf(context.req.raw);
  switch (type) {
    case 'application/merge-patch+json': {
      const patch = await readBody(context.req.raw, 'json');
      return (base) => mergePatch(base, patch);
    }
    case 'application/json-patch+json': {
      const reading = readJsonPatch(await readBody(context.req.raw, 'json'));
      if (!reading.ok) throw new Refused('BadRequest', reading.message);
      if (kind.kind === Secret.kind) guardValues(reading.operations);
      return (base) => {
        const result = applyJsonPatch(base, reading.operations);
        if (!result.ok) throw new Refused('Invalid', result.message);
        return result.value;
      };
    }
    default:
      throw new Refused(
        'UnsupportedMediaType',
        `A patch of type "${type}" is not taken; send ${patchTypes.join(', ')}. Strategic merge patches are for built-in kinds only.`,
      );
  }
}

const patchTypes = ['application/merge-patch+json', 'application/json-patch+json', 'application/apply-patch+yaml'];

const values = ['spec', 'data'];

/** What is stored as the value of a Secret must not be looked at, or put where it can be. */
function guardValues(operations: readonly JsonPatchOperation[]): void {
  for (const operation of operations) {
    const looked = 'from' in operation ? operation.from : operation.op === 'test' ? operation.path : undefined;
    if (looked && values.every((step, at) => looked[at] === undefined || looked[at] === step)) {
      throw new Refused('Invalid', 'The values of a Secret cannot be tested, moved or copied; write them anew.');
    }
  }
}
