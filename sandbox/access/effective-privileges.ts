import type { AccessState } from './access-state.ts';
import { isRoot, type Identity } from './identity.ts';
import { builtInRoles, privileges, type Privilege } from './privileges.ts';

/** Privileges with whether they hold below the path too. */
export type GrantedPrivileges = ReadonlyMap<Privilege, boolean>;

/** A guest or a storage, which a pool may hold. */
export interface PoolObject {
  guest?: number;
  storage?: string;
}

const everything: GrantedPrivileges = new Map(privileges.map((name) => [name, true]));

/**
 * What a caller may do on a path. A token with privilege separation has what both its user and itself have; one
 * without has what its user has.
 */
export function effectivePrivileges(
  state: AccessState,
  identity: Identity,
  path: string,
  poolPath: (object: PoolObject) => string | undefined,
): GrantedPrivileges {
  if (isRoot(identity)) return everything;
  const { user, token, id } = identity;
  if (token === undefined) return subjectPrivileges(state, id, path, poolPath);
  const ofUser = user === 'root@pam' ? everything : subjectPrivileges(state, user, path, poolPath);
  if (state.users[user]?.tokens[token]?.privsep === false) return ofUser;
  const ofToken = subjectPrivileges(state, id, path, poolPath);
  return new Map([...ofToken].filter(([name]) => ofUser.has(name)));
}

function subjectPrivileges(
  state: AccessState,
  subject: string,
  path: string,
  poolPath: (object: PoolObject) => string | undefined,
): GrantedPrivileges {
  let roles = rolesOn(state, subject, path);
  const object = poolObject(path);
  const pool = object && poolPath(object);
  if (pool !== undefined && !roles.has('NoAccess')) roles = new Map([...rolesOn(state, subject, pool), ...roles]);
  const granted = new Map<Privilege, boolean>();
  if (roles.has('NoAccess')) return granted;
  for (const [role, propagate] of roles) {
    for (const name of builtInRoles[role] ?? state.roles[role] ?? []) {
      granted.set(name, propagate || (granted.get(name) ?? false));
    }
  }
  return granted;
}

/** Rules deeper down replace those that come from above. */
function rolesOn(state: AccessState, subject: string, path: string): Map<string, boolean> {
  let roles = new Map<string, boolean>();
  const entries = state.acl.filter((entry) => entry.subject === subject);
  for (const level of levelsOf(path)) {
    const here = entries.filter((entry) => entry.path === level && (entry.propagate || level === path));
    if (here.length > 0) roles = new Map(here.map(({ role, propagate }) => [role, propagate]));
  }
  return roles;
}

function levelsOf(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
}

function poolObject(path: string): PoolObject | undefined {
  const vmid = /^\/vms\/(\d+)$/.exec(path)?.[1];
  if (vmid !== undefined) return { guest: Number(vmid) };
  const storage = /^\/storage\/([^/]+)$/.exec(path)?.[1];
  return storage === undefined ? undefined : { storage };
}
