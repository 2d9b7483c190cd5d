import { z } from 'zod';
import type { Resource } from '../../crds/define-kind.ts';
import { isFault } from '../../controller/errors.ts';
import type { DeleteOptions } from '../../controller/store/store.ts';
import type { ApiContext } from '../context.ts';
import { respond, respondStatus } from '../respond.ts';
import { Refused, success } from '../status.ts';
import { listAnswer } from './answer.ts';
import { readBody, manifestFormat } from './body.ts';
import type { ResourceDeps } from './deps.ts';
import { readListQuery, readQuery } from './query.ts';
import { requireUnprotected } from './deletion-protection.ts';
import { findObject, guardSelector, readForm, respondObject } from './read.ts';
import { detailsOf, type Target } from './target.ts';
import { writerOf } from './writer.ts';

const Propagation = z.enum(['Background', 'Foreground', 'Orphan']);
const DeleteQuery = z.object({
  dryRun: z.enum(['', 'All'], 'must be All').default(''),
  propagationPolicy: Propagation.optional(),
});
const DeleteBody = z.object({
  dryRun: z.array(z.literal('All')).default([]),
  propagationPolicy: Propagation.nullish(),
  preconditions: z.object({ uid: z.string().nullish(), resourceVersion: z.string().nullish() }).nullish(),
});

/** Asks for the deletion of an object: the object as it is now (being deleted), or a Status when it is gone. */
export async function deleteObject(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const { kind, namespace, name = '' } = target;
  const options = await readDeleteOptions(context);
  const existing = await findObject(deps.store, target);
  await requireUnprotected(deps.store, existing);
  const writer = writerOf(context, { fieldManager: '' });
  const left = await deps.store.delete(kind, { namespace, name }, writer, options);
  if (left) return respondObject(context, deps, kind, left);
  return respondStatus(context, success({ ...detailsOf(target), uid: existing.metadata.uid }));
}

/** Asks for the deletion of all objects that a selector selects, and answers the list of them. */
export async function deleteCollection(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const { kind, namespace } = target;
  const { dryRun, propagation } = await readDeleteOptions(context);
  const query = readListQuery(context);
  guardSelector(kind, query);
  if (kind.scope === 'Cluster' && query.labels.length === 0 && query.fields.length === 0) {
    throw new Refused('BadRequest', `All ${kind.plural} at once are not deleted; select them by labels or fields.`);
  }
  const page = await deps.store.list(kind, { namespace, labels: query.labels, fields: query.fields });
  for (const item of page.items) await requireUnprotected(deps.store, item);
  const writer = writerOf(context, { fieldManager: '' });
  const deleted: Resource[] = [];
  for (const item of page.items) {
    try {
      const { name, uid } = item.metadata;
      const left = await deps.store.delete(kind, { namespace, name }, writer, { dryRun, propagation, uid });
      deleted.push(left ?? item);
    } catch (error) {
      // Gone or replaced since the list: not ours to delete any more.
      if (!isFault(error, 'NotFound', 'Conflict')) throw error;
    }
  }
  const form = readForm(context, deps);
  return respond(context, listAnswer(kind, deleted, { resourceVersion: page.resourceVersion }, form), form);
}

async function readDeleteOptions(context: ApiContext): Promise<DeleteOptions> {
  const query = readQuery(DeleteQuery, context);
  const read = DeleteBody.safeParse((await readBody(context.req.raw, manifestFormat(context.req.raw))) ?? {});
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new Refused(
      'BadRequest',
      `The body is not valid as DeleteOptions: ${issue?.path.join('.')} ${issue?.message}.`,
    );
  }
  const { dryRun, propagationPolicy, preconditions } = read.data;
  return {
    dryRun: query.dryRun === 'All' || dryRun.length > 0,
    propagation: propagationPolicy ?? query.propagationPolicy,
    uid: preconditions?.uid ?? undefined,
    resourceVersion: preconditions?.resourceVersion ?? undefined,
  };
}
