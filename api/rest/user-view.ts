import { z } from 'zod';
import { SingleLine } from '../../crds/names.ts';
import type { Account } from '../../controller/access/account-store.ts';
import { RestError } from './rest-error.ts';

/** An account as the contract shows it. */
export function userView({ id, email, name, avatarUrl, createdAt, updatedAt }: Account): object {
  return { id, email, name, avatar_url: avatarUrl, created_at: createdAt, updated_at: updatedAt };
}

/** What a person is called. */
export const DisplayName = SingleLine.max(128, 'must be at most 128 characters long').refine(
  (name) => name.trim() !== '',
  'must not be empty',
);

/** A picture elsewhere; empty for none. */
export const AvatarUrl = z
  .string()
  .max(2048, 'must be at most 2048 characters long')
  .refine(
    (url) => url === '' || (/^https?:\/\/[\x21-\x7e]+$/.test(url) && URL.canParse(url)),
    'must be an http or https URL',
  );

/** The 400 for an address that another account has or had, or that is somebody else's for another reason. */
export function emailTaken(): RestError {
  const path = 'email';
  const message = 'cannot be used; choose another';
  return new RestError('email_taken', 'This address cannot be used. Choose another.', { fields: [{ path, message }] });
}
