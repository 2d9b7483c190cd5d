import { forbidden } from '../refusal.ts';
import type { AccessControl } from './access-control.ts';
import { isRoot, type Identity } from './identity.ts';
import type { Privilege } from './privileges.ts';

/** What a call asks of its caller before anything else; `{vmid}` and the like stand for its parameters. */
export type Permission =
  | { user: 'all' | 'world' }
  | { user: 'root' }
  | { path: string; privileges: readonly Privilege[]; any?: true }
  | { and: readonly Permission[] }
  | { or: readonly Permission[] };

/** Refuses a caller that lacks a privilege. */
export function checkPermission(
  access: AccessControl,
  identity: Identity,
  permission: Permission,
  parameter: (name: string) => string,
): void {
  if ('and' in permission) {
    for (const part of permission.and) checkPermission(access, identity, part, parameter);
  } else if ('or' in permission) {
    if (!permission.or.some((part) => isAllowed(access, identity, part, parameter))) throw forbidden();
  } else if ('user' in permission) {
    if (permission.user === 'root' && !isRoot(identity)) throw forbidden('user != root@pam');
  } else {
    const path = permission.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameter(name));
    if (permission.any) requireAny(access, identity, path, permission.privileges);
    else requireAll(access, identity, path, permission.privileges);
  }
}

/** Refuses who lacks one of these on the path; the text names the first that is missing. */
export function requireAll(
  access: AccessControl,
  identity: Identity,
  path: string,
  privileges: readonly Privilege[],
): void {
  const missing = privileges.find((name) => !access.has(identity, path, name));
  if (missing !== undefined) throw forbidden(`${path}, ${missing}`);
}

/** Refuses who has none of these on the path. */
export function requireAny(
  access: AccessControl,
  identity: Identity,
  path: string,
  privileges: readonly Privilege[],
): void {
  if (!privileges.some((name) => access.has(identity, path, name))) throw forbidden(`${path}, ${privileges.join('|')}`);
}

function isAllowed(
  access: AccessControl,
  identity: Identity,
  permission: Permission,
  parameter: (name: string) => string,
): boolean {
  try {
    checkPermission(access, identity, permission, parameter);
    return true;
  } catch {
    return false;
  }
}
