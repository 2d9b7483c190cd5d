import { GROUP } from '../../crds/meta.ts';
import type { ApiContext } from '../context.ts';
import { respond } from '../respond.ts';

/**
 * `POST .../selfsubjectreviews`: who the server takes the asker for, what the token that was shown may do, and when it ends.
 */
export function reviewOwnIdentity(context: ApiContext): Promise<Response> {
  const { user, admin, scope, expiresAt, session, account } = context.get('identity');
  const end = session?.endsAt ?? expiresAt;
  const userInfo = {
    username: user,
    ...(account && { uid: account.id }),
    groups: admin ? [`${GROUP}:administrators`] : [],
    extra: {
      [`${GROUP}/scope`]: [scope],
      ...(end && { [`${GROUP}/expires-at`]: [end.toISOString()] }),
    },
  };
  return respond(
    context,
    { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1', metadata: {}, status: { userInfo } },
    { code: 201 },
  );
}
