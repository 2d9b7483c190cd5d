import type { Resource } from '../../crds/define-kind.ts';
import type { ApiContext } from '../context.ts';
import { RestError } from './rest-error.ts';

/**
 * The `ETag` of an object: its desired state. What loops report does not change it, else no client could ever bring its
 * change in between two reports.
 */
export function entityTag({ metadata }: Pick<Resource, 'metadata'>): string {
  return `"${metadata.generation}"`;
}

/** Holds a write to the `If-Match` that came with it, if one did. Throws 409 when the client has to read again. */
export function requireMatch(context: ApiContext, object: Pick<Resource, 'metadata' | 'kind'>): void {
  const wanted = context.req.header('if-match')?.trim();
  if (wanted === undefined || wanted === '*') return;
  const tags = wanted.split(',').map((tag) => tag.trim());
  if (!tags.includes(entityTag(object))) throw changedMeanwhile(object);
}

/** The 409 for a client that did not see the newest state of what it changes. */
export function changedMeanwhile({ kind }: Pick<Resource, 'kind'>): RestError {
  const message = `The ${kind.toLowerCase()} was changed by somebody else meanwhile. Read it again, and send the change anew.`;
  return new RestError('conflict', message);
}
