import { z } from 'zod';
import { Project } from '../../crds/project.ts';
import { foldAddress } from '../../controller/access/fold-address.ts';
import type { Identity } from '../../controller/access/token-store.ts';
import { Email } from '../auth/account-fields.ts';
import { requireWriting } from '../auth/new-token.ts';
import { writerOf } from '../resources/writer.ts';
import { answer } from './answer.ts';
import { readJson } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { RestError } from './rest-error.ts';
import { AvatarUrl, DisplayName, emailTaken, userView } from './user-view.ts';

const UpdateUserRequest = z.strictObject({
  email: Email.optional(),
  name: DisplayName.optional(),
  avatar_url: AvatarUrl.optional(),
});

/** The tag User: what people say about themselves. */
export function mountProfile(app: RestApp, deps: Pick<RestDeps, 'access' | 'store'>): void {
  const { accounts, sessions } = deps.access;

  app.get('/user/profile', async (context) => {
    const { account, user } = context.get('identity');
    const found = account && (await accounts.get(account.id));
    // A token without an account, such as the first administrator's, has no more to say.
    return answer(context, found ? userView(found) : { id: user, name: user });
  });

  app.put('/user/profile', async (context) => {
    const { email, name, avatar_url: avatarUrl } = await readJson(context, UpdateUserRequest);
    const identity = context.get('identity');
    requireWriting(identity);
    const id = identity.account?.id;
    if (id === undefined) {
      throw new RestError(
        'invalid_request',
        'This token belongs to no account. Log in with one to change its profile.',
      );
    }
    if (email !== undefined) await requireFree(deps, identity, email);
    const by = writerOf(context, { fieldManager: 'rest' });
    const account = await accounts.update(id, { email, name, avatarUrl }, by);
    if (account === 'taken') throw emailTaken();
    if (account === 'full')
      throw new RestError('invalid_request', 'This account had too many addresses already. Go back to one of them.');
    if (account === 'absent') throw new RestError('not_found', 'The account is no longer there.');
    sessions.forget(id);
    return answer(context, userView(account));
  });
}

/** Nobody proves that an address is theirs: taking one that a project already knows would be taking what it was granted. */
async function requireFree({ store }: Pick<RestDeps, 'store'>, identity: Identity, email: string): Promise<void> {
  const folded = foldAddress(email);
  if (identity.admin || identity.account?.emails.includes(folded)) return;
  const { items } = await store.list(Project);
  if (items.some(({ spec }) => spec.members.some(({ user }) => foldAddress(user) === folded))) throw emailTaken();
}
