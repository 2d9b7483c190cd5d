import type { Kind, Resource } from '../../crds/define-kind.ts';
import { isFault } from '../../controller/errors.ts';
import type { Asked } from '../auth/authorizer.ts';
import type { Verb } from '../auth/permissions.ts';
import type { ApiContext } from '../context.ts';
import { Refused } from '../status.ts';
import type { RestDeps } from './rest-deps.ts';
import { RestError } from './rest-error.ts';

const uidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

type FindDeps = Pick<RestDeps, 'store' | 'authorizer'>;

/**
 * The object with an id of the contract, for somebody who may do `verb` with it. The same 404 for what is malformed, absent,
 * being deleted, or not for the asker to know of; 403 for what they may see but not do.
 */
export async function findObject<R extends Resource>(
  context: ApiContext,
  deps: FindDeps,
  kind: Kind<R>,
  { id, verb = 'get' }: { id: string; verb?: Verb },
): Promise<R> {
  const object = uidPattern.test(id) ? await deps.store.getByUid(kind, id) : undefined;
  if (!object || object.metadata.deletionTimestamp !== undefined) throw absent(kind, id);
  const { namespace, name } = object.metadata;
  const asked = { kind: kind.kind, namespace, name };
  if (!(await mayRead(context, deps, asked))) throw absent(kind, id);
  if (verb !== 'get') await deps.authorizer.check(context.get('identity'), { ...asked, verb });
  return object;
}

/** Whether the asker may see one object, or with only a namespace, what is in that project. */
export async function mayRead(context: ApiContext, deps: FindDeps, asked: Omit<Asked, 'verb'>): Promise<boolean> {
  try {
    await deps.authorizer.check(context.get('identity'), { ...asked, verb: asked.name === undefined ? 'list' : 'get' });
    return true;
  } catch (error) {
    if (isFault(error, 'NotFound') || error instanceof Refused) return false;
    throw error;
  }
}

/** The 404 for an id. */
export function absent({ kind }: Pick<Kind, 'kind'>, id: string): RestError {
  const words = kind.replaceAll(/(?<=[a-z])[A-Z]/g, ' $&').toLowerCase();
  return new RestError('not_found', `There is no ${words} with the id ${JSON.stringify(id.slice(0, 64))}.`);
}
