import { z } from 'zod';
import type { Identity } from '../../controller/access/token-store.ts';
import type { Writer } from '../../controller/store/store.ts';
import { causesOf, Refused } from '../status.ts';
import { Email, NewPassword, Password } from './account-fields.ts';
import type { AccountServices } from '../../controller/access/account-services.ts';
import type { LoginLimits } from './login-limits.ts';
import { requireWriting } from './new-token.ts';

/** One's own password with the present one, or as an administrator that of the account with this address. */
export const PasswordRequest = z.strictObject({
  email: Email.optional(),
  currentPassword: Password.optional(),
  newPassword: NewPassword,
});
export type PasswordRequest = z.output<typeof PasswordRequest>;

interface ChangePasswordDeps extends Pick<AccountServices, 'accounts' | 'sessions' | 'passwords'> {
  limits: LoginLimits;
}

/** Changes a password, which ends every session of the account. Throws Refused for whoever may not. */
export async function changePassword(
  { email, currentPassword, newPassword }: PasswordRequest,
  { identity, address, by }: { identity: Identity; address: string; by: Writer },
  { accounts, sessions, passwords, limits }: ChangePasswordDeps,
): Promise<void> {
  requireWriting(identity);
  const id = email === undefined ? identity.account?.id : await accountOf(email, identity, accounts);
  if (id === undefined) throw new Refused('BadRequest', 'This token belongs to no account, so there is no password.');
  if (email === undefined) {
    const undo = limits.login(identity.user, address);
    const known = await accounts.credentials(identity.user);
    if (!(await passwords.verify(known?.passwordHash, currentPassword ?? ''))) throw wrongPassword();
    undo();
  }
  await accounts.setPassword(id, await passwords.hash(newPassword), by);
  sessions.forget(id);
}

async function accountOf(
  email: string,
  { admin, scope }: Identity,
  accounts: ChangePasswordDeps['accounts'],
): Promise<string> {
  if (!admin || scope !== 'admin')
    throw new Refused('Forbidden', 'Only administrators change the passwords of others. Leave email out for your own.');
  const account = await accounts.find(email);
  if (!account) throw new Refused('NotFound', 'There is no account with this address.');
  return account.id;
}

function wrongPassword(): Refused {
  const message = 'is not the present password';
  return new Refused('Invalid', `currentPassword ${message}.`, {
    causes: causesOf([{ path: 'currentPassword', message }]),
  });
}
