import type { Writer } from '../store/store.ts';

/** Who may make an account: everybody, whoever comes first, or nobody but administrators. */
export const registrationPolicies = ['open', 'first-user', 'closed'] as const;
export type RegistrationPolicy = (typeof registrationPolicies)[number];

/** A person who may use the installation. */
export interface Account {
  /** A uuid; it never changes. */
  id: string;
  /** The present address, as it was written. */
  email: string;
  name: string;
  avatarUrl: string | undefined;
  /** Of the whole installation. */
  administrator: boolean;
  /** Every address that the account has or had, folded (`foldAddress`), in the order in which it came to have them. */
  emails: readonly string[];
  /** Sessions that were started in an earlier era are over. */
  sessionEra: number;
  createdAt: Date;
  updatedAt: Date;
}

/** An account to be made. */
export interface NewAccount {
  email: string;
  name: string;
  avatarUrl?: string | undefined;
  passwordHash: string;
}

/** What a person changes about themselves; what is left out stays. An empty avatarUrl removes it. */
export interface AccountChanges {
  email?: string | undefined;
  name?: string | undefined;
  avatarUrl?: string | undefined;
}

/**
 * The people of an installation. Addresses are compared as `foldAddress` says, and each that an account ever had stays its own
 * for ever. Whatever is changed leaves an entry in the audit, in the same transaction.
 */
export interface AccountStore {
  /** The very first account is an administrator's, of several at once exactly one. `taken`: another has or had the address. */
  register(account: NewAccount, policy: RegistrationPolicy, by: Writer): Promise<Account | 'taken' | 'closed'>;
  /** Whether there is any account yet. */
  isEmpty(): Promise<boolean>;
  get(id: string): Promise<Account | undefined>;
  /** By an address that it has or had. */
  find(address: string): Promise<Account | undefined>;
  /** By the present address, for a login. */
  credentials(email: string): Promise<{ account: Account; passwordHash: string } | undefined>;
  /** `full`: the account had `MOST_ADDRESSES` already. */
  update(id: string, changes: AccountChanges, by: Writer): Promise<Account | 'taken' | 'full' | 'absent'>;
  /** Ends every session of the account too; false when there is no such account. */
  setPassword(id: string, passwordHash: string, by: Writer): Promise<boolean>;
  /** Notes in the audit that somebody logged in. */
  noteLogin(account: Account, by: Writer): Promise<void>;
  /** The session is over from now on; `expiresAt` is when it would have been anyway. */
  endSession(session: { id: string; expiresAt: Date }, by: Writer): Promise<void>;
  /** The account that a session is of, and whether the session was ended. */
  session(accountId: string, sessionId: string): Promise<{ account: Account; ended: boolean } | undefined>;
}

/** So many addresses one account may have had: each stays reserved. */
export const MOST_ADDRESSES = 16;
