import { createHash, randomBytes, randomUUID, scryptSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFileWhole } from '../write-file-whole.ts';
import { AccessState, type AclEntry } from './access-state.ts';
import { readIdentity, type Identity } from './identity.ts';
import { effectivePrivileges, type GrantedPrivileges } from './effective-privileges.ts';
import type { Privilege } from './privileges.ts';

/** Users, tokens, roles, access rules and pools, kept in one file. */
export class AccessControl {
  readonly #path: string;
  readonly #state: AccessState;
  /** Worked-out privileges by caller and path; dropped with every change. */
  readonly #known = new Map<string, Map<string, GrantedPrivileges>>();
  readonly #poolOfGuest = new Map<number, string>();

  constructor(path: string) {
    this.#path = path;
    this.#state = readState(path) ?? freshState();
    this.#changed();
  }

  get ticketKey(): Buffer {
    return Buffer.from(this.#state.ticketKey, 'hex');
  }

  addUser(user: string, password?: string): void {
    const known = this.#state.users[user];
    const tokens = known?.tokens ?? {};
    this.#state.users[user] =
      password === undefined ? { ...known, tokens } : { passwordHash: hashPassword(password), tokens };
    this.#changed();
  }

  /** Makes a token, or gives a known one a new secret. Returns the secret. */
  addToken(user: string, name: string, privsep: boolean): string {
    const secret = randomUUID();
    const tokens = this.#state.users[user]?.tokens ?? {};
    this.#state.users[user] = {
      ...this.#state.users[user],
      tokens: { ...tokens, [name]: { secretHash: hashSecret(secret), privsep } },
    };
    this.#changed();
    return secret;
  }

  removeToken(user: string, name: string): void {
    delete this.#state.users[user]?.tokens[name];
    this.#changed();
  }

  setRole(role: string, privileges: readonly Privilege[]): void {
    this.#state.roles[role] = [...privileges];
    this.#changed();
  }

  /** Gives a role on a path, beside others that the subject may have there. */
  setAcl(entry: AclEntry): void {
    const isSame = (other: AclEntry): boolean =>
      other.path === entry.path && other.subject === entry.subject && other.role === entry.role;
    this.#state.acl = this.#state.acl.filter((other) => !isSame(other));
    this.#state.acl.push(entry);
    this.#changed();
  }

  /** Takes away what a subject has on a path, on all paths when none is given. */
  removeAcl(subject: string, path?: string): void {
    this.#state.acl = this.#state.acl.filter(
      (entry) => entry.subject !== subject || (path ?? entry.path) !== entry.path,
    );
    this.#changed();
  }

  /** True when the secret is that of the token. */
  knowsToken(id: string, secret: string): boolean {
    const { user, token } = readIdentity(id);
    const known = token === undefined ? undefined : this.#state.users[user]?.tokens[token];
    return known !== undefined && sameText(known.secretHash, hashSecret(secret));
  }

  knowsPassword(user: string, password: string): boolean {
    const hash = this.#state.users[user]?.passwordHash;
    return hash !== undefined && sameText(hash, hashPassword(password, hash.split(':')[0]));
  }

  /** What the caller may do on a path, with whether it holds below it too. */
  privileges(identity: Identity, path: string): GrantedPrivileges {
    let known = this.#known.get(identity.id);
    if (!known) this.#known.set(identity.id, (known = new Map()));
    const cached = known.get(path);
    if (cached) return cached;
    const granted = effectivePrivileges(this.#state, identity, path, (object) => this.#poolPath(object));
    known.set(path, granted);
    return granted;
  }

  has(identity: Identity, path: string, privilege: Privilege): boolean {
    return this.privileges(identity, path).has(privilege);
  }

  /** Paths that rules name, besides the general ones. */
  aclPaths(): string[] {
    return [...new Set(this.#state.acl.map(({ path }) => path))];
  }

  pools(): AccessState['pools'] {
    return this.#state.pools;
  }

  poolOf(vmid: number): string | undefined {
    return this.#poolOfGuest.get(vmid);
  }

  /** Makes or changes a pool. A guest given here leaves the pool it was in. */
  putPool(pool: string, content: AccessState['pools'][string]): void {
    for (const other of Object.values(this.#state.pools)) {
      other.guests = other.guests.filter((vmid) => !content.guests.includes(vmid));
    }
    this.#state.pools[pool] = content;
    this.#changed();
  }

  removePool(pool: string): void {
    delete this.#state.pools[pool];
    this.#changed();
  }

  addToPool(pool: string, vmid: number): void {
    const known = this.#state.pools[pool];
    if (known) this.putPool(pool, { ...known, guests: [...known.guests, vmid] });
  }

  /** Removes a guest's rules and its place in a pool, as its destruction does. */
  forgetGuest(vmid: number): void {
    const path = `/vms/${vmid}`;
    const rules = this.#state.acl.filter((entry) => entry.path !== path);
    const pool = this.#poolOfGuest.get(vmid);
    if (pool === undefined && rules.length === this.#state.acl.length) return;
    this.#state.acl = rules;
    const known = pool === undefined ? undefined : this.#state.pools[pool];
    if (known) known.guests = known.guests.filter((member) => member !== vmid);
    this.#changed();
  }

  #poolPath(object: { guest?: number; storage?: string }): string | undefined {
    const pool =
      object.guest === undefined
        ? Object.entries(this.#state.pools).find(([, { storages }]) => storages.includes(object.storage ?? ''))?.[0]
        : this.#poolOfGuest.get(object.guest);
    return pool === undefined ? undefined : `/pool/${pool}`;
  }

  #changed(): void {
    this.#known.clear();
    this.#poolOfGuest.clear();
    for (const [pool, { guests }] of Object.entries(this.#state.pools)) {
      for (const vmid of guests) this.#poolOfGuest.set(vmid, pool);
    }
    writeFileWhole(this.#path, JSON.stringify(this.#state, undefined, 2));
  }
}

function readState(path: string): AccessState | undefined {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  return AccessState.parse(JSON.parse(text));
}

function freshState(): AccessState {
  return {
    users: { 'root@pam': { tokens: {} } },
    roles: {},
    acl: [],
    pools: {},
    ticketKey: randomBytes(32).toString('hex'),
  };
}

function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function hashPassword(password: string, salt = randomBytes(16).toString('hex')): string {
  return `${salt}:${scryptSync(password, salt, 32, { N: 1024 }).toString('hex')}`;
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
