import type { Resource } from '../../crds/define-kind.ts';
import type { ApiContext } from '../context.ts';
import { Refused } from '../status.ts';
import { mergedManifest, ownedManifest } from '../../controller/apply/apply-manifest.ts';
import type { FieldConflict } from '../../controller/apply/apply.ts';
import { mediaTypeOf, readBody } from './body.ts';
import type { ResourceDeps } from './deps.ts';
import { fieldPathText } from '../../controller/apply/field-tree.ts';
import { readWriteQuery } from './query.ts';
import { respondObject } from './read.ts';
import type { Target } from './target.ts';
import { merged, retryConflicts } from './write.ts';
import { writerOf } from './writer.ts';

/** Server-side apply: the fields of the body become as stated and belong to the manager; 201 when the object is new. */
export async function applyObject(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const { kind, namespace, name = '' } = target;
  const { dryRun, force, fieldManager: manager } = readWriteQuery(context);
  if (manager === '')
    throw new Refused('BadRequest', 'An apply needs the parameter fieldManager: the name that the fields belong to.');
  const raw = await readBody(context.req.raw, mediaTypeOf(context.req.raw).endsWith('json') ? 'json' : 'yaml');
  const writer = writerOf(context, { fieldManager: manager });
  const identity = context.get('identity');

  const { object, created } = await retryConflicts(async () => {
    const existing = await deps.store.get(kind, { namespace, name });
    if (!existing) await deps.authorizer.check(identity, { verb: 'create', kind: kind.kind, namespace, name });
    const statement = { raw, existing, kind, manager };
    const admitted = await deps.admit({ kind, namespace, name, raw: mergedManifest(statement), existing, identity });
    const { manifest, conflicts } = ownedManifest(statement, admitted, deps.clock.now());
    if (existing && conflicts.length > 0 && !force) throw conflictOf(existing, conflicts);
    if (!existing) return { object: await deps.store.create(kind, manifest, writer, { dryRun }), created: true };
    return { object: await deps.store.update(kind, merged(existing, manifest), writer, { dryRun }), created: false };
  });
  return respondObject(context, deps, kind, object, created ? 201 : 200);
}

function conflictOf({ metadata, kind }: Resource, conflicts: readonly FieldConflict[]): Refused {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${manager}"`,
    field: fieldPathText(path),
  }));
  const list = conflicts.map(({ manager, path }) => `${fieldPathText(path)} belongs to "${manager}"`).join('; ');
  const message = `Apply of ${kind} "${metadata.name}" was refused: ${list}. Leave these fields out, agree on the values, or force.`;
  return new Refused('Conflict', message, { name: metadata.name, kind, causes });
}
