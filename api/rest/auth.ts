import { z } from 'zod';
import type { Account, RegistrationPolicy } from '../../controller/access/account-store.ts';
import { foldAddress } from '../../controller/access/fold-address.ts';
import { passwordLength } from '../../controller/access/passwords.ts';
import { Email, NewPassword, Password } from '../auth/account-fields.ts';
import type { ApiContext } from '../context.ts';
import { writerOf } from '../resources/writer.ts';
import { answer } from './answer.ts';
import { readJson } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { RestError } from './rest-error.ts';
import { DisplayName, emailTaken, userView } from './user-view.ts';

const LoginRequest = z.strictObject({ email: z.string(), password: Password });
const RegisterRequest = z.strictObject({ email: Email, password: NewPassword, name: DisplayName });

type AuthDeps = Pick<RestDeps, 'access' | 'limits' | 'authenticated'>;

/** The tag Authentication: accounts and logins. */
export function mountAuth(app: RestApp, deps: AuthDeps): void {
  app.post('/auth/login', async (context) => {
    const { email, password } = await readJson(context, LoginRequest);
    const account = await login(context, deps, email, password);
    const { accounts, sessions } = deps.access;
    await accounts.noteLogin(account, writerOf(context, { fieldManager: 'rest' }, foldAddress(account.email)));
    return answer(context, { token: await sessions.start(account), user: userView(account) });
  });

  // An administrator may make accounts for others, whatever the policy.
  app.use('/auth/register', (context, next) =>
    (context.req.header('authorization') ?? '') === '' ? next() : deps.authenticated(context, next),
  );
  app.post('/auth/register', async (context) => {
    const { email, password, name } = await readJson(context, RegisterRequest);
    const { accounts, passwords } = deps.access;
    const policy = policyFor(context, deps);
    if (policy === 'closed' || (policy === 'first-user' && !(await accounts.isEmpty()))) throw closed();
    deps.limits.registration(context.get('address'));
    const passwordHash = await passwords.hash(password);
    const by = writerOf(context, { fieldManager: 'rest' }, context.get('identity')?.user ?? foldAddress(email));
    const account = await accounts.register({ email, name, passwordHash }, policy, by);
    if (account === 'taken') throw emailTaken();
    if (account === 'closed') throw closed();
    return answer(context, userView(account), { code: 201 });
  });
}

/** Takes as long, and says the same, whether it is the address or the password that is wrong. */
async function login(
  context: ApiContext,
  { access: { accounts, passwords }, limits }: AuthDeps,
  email: string,
  password: string,
): Promise<Account> {
  // No account has such an address or password: hashing it would be nothing but work.
  if (!Email.safeParse(email).success || password.length > passwordLength.most) throw wrongLogin();
  const undo = limits.login(email, context.get('address'));
  const known = await accounts.credentials(email);
  const isRight = await passwords.verify(known?.passwordHash, password);
  if (!known || !isRight) throw wrongLogin();
  undo();
  return known.account;
}

function policyFor(context: ApiContext, { access }: AuthDeps): RegistrationPolicy {
  const identity = context.get('identity');
  return identity?.admin && identity.scope === 'admin' ? 'open' : access.registration;
}

function wrongLogin(): RestError {
  return new RestError('unauthorized', 'The e-mail address or the password is wrong.');
}

function closed(): RestError {
  return new RestError(
    'registration_closed',
    'Accounts are made by administrators on this installation. Ask one for yours.',
  );
}
