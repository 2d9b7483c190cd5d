import type { Writer } from '../../controller/store/store.ts';
import type { ApiContext } from '../context.ts';
import type { WriteRequest } from './query.ts';

/**
 * On whose behalf a request writes; `user` for one that comes with no token. Who states no manager is known by the program:
 * `curl/8.5` is `curl`.
 */
export function writerOf(
  context: ApiContext,
  { fieldManager }: Pick<WriteRequest, 'fieldManager'>,
  user = context.get('identity').user,
): Writer {
  const userAgent = context.req.header('user-agent')?.slice(0, 256);
  const program = userAgent
    ?.split('/', 1)[0]
    ?.replaceAll(/[^\x20-\x7e]/g, '')
    .slice(0, 128);
  return {
    manager: fieldManager || program || 'unknown',
    user,
    address: context.get('address') || undefined,
    userAgent,
    requestId: context.get('requestId'),
  };
}
