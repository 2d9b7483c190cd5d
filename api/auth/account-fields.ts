import { z } from 'zod';
import { passwordLength } from '../../controller/access/passwords.ts';

/** The address of an account. */
export const Email = z
  .string()
  .max(254, 'must be at most 254 characters long')
  .regex(z.regexes.email, 'must be an e-mail address such as ann@example.com');

/** Never quoted in what is said about it. */
export const Password = z.string('must be text');

/** A password to be kept. */
export const NewPassword = Password.min(
  passwordLength.least,
  `must be at least ${passwordLength.least} characters long`,
).max(passwordLength.most, `must be at most ${passwordLength.most} characters long`);
