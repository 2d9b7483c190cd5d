import { z } from 'zod';
import { privileges } from './privileges.ts';

const Token = z.object({
  /** SHA-256 of the secret, hex. */
  secretHash: z.string(),
  /** Privilege separation: the token has only what both it and its user have. */
  privsep: z.boolean(),
});

const User = z.object({
  /** scrypt of the password, `salt:hash` in hex; without it nobody can log in. */
  passwordHash: z.string().optional(),
  tokens: z.record(z.string(), Token),
});

const AclEntry = z.object({
  path: z.string().startsWith('/'),
  /** A user or a token, such as `ops@pve` or `ops@pve!main`. */
  subject: z.string(),
  role: z.string(),
  propagate: z.boolean(),
});
export type AclEntry = z.infer<typeof AclEntry>;

/** Who may come in and what they may do: what `user.cfg` and its neighbours hold. */
export const AccessState = z.object({
  users: z.record(z.string(), User),
  roles: z.record(z.string(), z.array(z.enum(privileges))),
  acl: z.array(AclEntry),
  pools: z.record(
    z.string(),
    z.object({ comment: z.string(), guests: z.array(z.int()), storages: z.array(z.string()) }),
  ),
  /** Signs tickets, hex. */
  ticketKey: z.string(),
});
export type AccessState = z.infer<typeof AccessState>;
