import type { Resource } from '../../crds/define-kind.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import { notFound } from '../../controller/store/refusals.ts';
import type { ApiContext } from '../context.ts';
import { respond } from '../respond.ts';
import { Refused } from '../status.ts';
import { acceptedForm, type Accepted } from './accept.ts';
import { listAnswer, objectAnswer, type AnswerForm } from './answer.ts';
import type { ResourceDeps } from './deps.ts';
import { readListQuery, type ListRequest } from './query.ts';
import type { Target } from './target.ts';

/** Answers one object. */
export async function getObject(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  return respondObject(context, deps, target.kind, await findObject(deps.store, target));
}

/** The object of an address; throws NotFound. */
export async function findObject(
  store: ResourceDeps['store'],
  { kind, namespace, name = '' }: Target,
): Promise<Resource> {
  const object = await store.get(kind, { namespace, name });
  if (!object) throw notFound(kind.kind, { namespace, name });
  return object;
}

/** The form in which the client takes its answer. Refuses one that cannot be given. */
export function readForm(context: ApiContext, { clock }: Pick<ResourceDeps, 'clock'>): AnswerForm & Accepted {
  const { includeObject: include } = readListQuery(context);
  return { ...acceptedForm(context.req.header('accept')), include, now: clock.now() };
}

/** Answers an object in the form that the client takes. */
export async function respondObject(
  context: ApiContext,
  deps: ResourceDeps,
  kind: AnyKind,
  object: Resource,
  code: 200 | 201 = 200,
): Promise<Response> {
  const form = readForm(context, deps);
  return respond(context, objectAnswer(kind, object, form), { code, format: form.format });
}

/** Answers a list: of a project, or of all that the asker may see. */
export async function listObjects(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const { kind, namespace } = target;
  const query = readListQuery(context);
  if (query.resourceVersionMatch === 'Exact') {
    throw new Refused('BadRequest', 'Lists are always of the newest version; leave out resourceVersionMatch=Exact.');
  }
  guardSelector(kind, query);
  const visibility = await deps.authorizer.visibility(context.get('identity'), {
    verb: 'list',
    kind: kind.kind,
    namespace,
  });
  const page = await deps.store.list(kind, {
    namespace,
    labels: query.labels,
    fields: query.fields,
    ...(query.limit !== undefined && query.limit > 0 && { limit: query.limit }),
    ...(query.continue !== undefined && query.continue !== '' && { continue: query.continue }),
  });
  const metadata = {
    resourceVersion: page.resourceVersion,
    ...(page.continue !== undefined && { continue: page.continue }),
    // What is left counts objects that not everybody may know of.
    ...(page.remaining !== undefined && visibility.all && { remainingItemCount: page.remaining }),
  };
  const items = visibility.all ? page.items : page.items.filter((item) => visibility.sees(item));
  const form = readForm(context, deps);
  return respond(context, listAnswer(kind, items, metadata, form), form);
}

/** Selecting by values would be a way to find them out. */
export function guardSelector(kind: AnyKind, { fields }: Pick<ListRequest, 'fields'>): void {
  if (kind.kind === 'Secret' && fields.some(({ path }) => path !== 'metadata.name' && path !== 'metadata.namespace')) {
    throw new Refused('BadRequest', 'Secrets can be selected by labels, metadata.name and metadata.namespace only.');
  }
}
