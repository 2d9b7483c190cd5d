import type { Resource } from '../../crds/define-kind.ts';
import type { ApiContext } from '../context.ts';
import { respond } from '../respond.ts';
import { entityTag } from './entity-tag.ts';

interface AnswerOptions {
  code?: 200 | 201;
  /** The object that the answer shows: its `ETag` goes along. */
  object?: Resource;
}

/** Answers a body of the contract, compressed where that pays. Fields that are undefined are left out. */
export async function answer(
  context: ApiContext,
  body: object,
  { code = 200, object }: AnswerOptions = {},
): Promise<Response> {
  if (object) context.header('ETag', entityTag(object));
  return respond(context, body, { code });
}
