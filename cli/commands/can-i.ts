import type { ApiClient } from '../client.ts';
import { kindNamed, placeOf } from '../kind-names.ts';
import type { Say } from '../text.ts';

export interface CanIQuestion {
  verb: string;
  /** A kind, an object as KIND/NAME, or `*`. */
  what: string;
  namespace?: string;
  subresource?: string;
  quiet?: boolean;
}

/** Asks the server whether the asker may do something, and says `yes`, or `no` with the reason. */
export async function canI(
  client: ApiClient,
  { verb, what, namespace, subresource, quiet = false }: CanIQuestion,
  say: Say,
): Promise<boolean> {
  const [word = '', name] = what.split('/');
  const kind = word === '*' ? undefined : kindNamed(word);
  // What is listed and watched over all projects needs none.
  const isOverAll = kind === undefined || (namespace === undefined && (verb === 'list' || verb === 'watch'));
  const project = isOverAll ? namespace : placeOf(kind, namespace);
  const resourceAttributes = {
    verb,
    group: 'containr.dev',
    resource: kind?.plural ?? '*',
    ...(project !== undefined && { namespace: project }),
    ...(name !== undefined && { name }),
    ...(subresource !== undefined && { subresource }),
  };
  const { status } = await client.request<{ status: { allowed: boolean; reason?: string } }>(
    'POST',
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    { spec: { resourceAttributes } },
  );
  if (!quiet) say(status.allowed ? 'yes' : ['no', status.reason].filter((part) => part !== undefined).join(' - '));
  return status.allowed;
}
