import type { Role } from '../../crds/project.ts';
import type { Identity } from '../../controller/access/token-store.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

const reads = ['get', 'list', 'watch'] as const satisfies Verb[];
const removes = ['delete', 'deletecollection'] as const satisfies Verb[];
const edits = ['update', 'patch'] as const satisfies Verb[];
const all = [...reads, ...removes, ...edits, 'create'] as const satisfies Verb[];
const none = [] as const satisfies Verb[];

/** Everything that can be asked for. */
export const verbs: readonly Verb[] = all;

type Grants = Readonly<Record<Role, readonly Verb[]>>;

/**
 * What each role of a project may do with the objects in it; a Project counts as in itself. What is not named here is for
 * administrators only: the status of anything (loops write it), and kinds that belong to no project.
 */
export const grants: Readonly<Record<string, Grants>> = {
  Project: { viewer: reads, developer: reads, owner: [...reads, ...edits, 'delete'] },
  // Values never come out, but their names alone are nobody's business who cannot use them.
  Secret: { viewer: none, developer: all, owner: all },
  Service: { viewer: reads, developer: all, owner: all },
  Build: { viewer: reads, developer: all, owner: all },
  Deployment: { viewer: reads, developer: all, owner: all },
  Volume: { viewer: reads, developer: all, owner: all },
  Database: { viewer: reads, developer: all, owner: all },
  Backup: { viewer: reads, developer: all, owner: all },
  Restore: { viewer: reads, developer: all, owner: all },
  // Whatever a repository says comes into the project by it.
  RepoSync: { viewer: reads, developer: reads, owner: all },
  // Made by loops: a guest made by hand could run anything under anybody's name, a route take anybody's host name.
  Guest: { viewer: reads, developer: [...reads, ...removes], owner: [...reads, ...removes] },
  Job: { viewer: reads, developer: [...reads, ...edits, ...removes], owner: [...reads, ...edits, ...removes] },
  Route: { viewer: reads, developer: [...reads, ...removes], owner: [...reads, ...removes] },
  Event: { viewer: reads, developer: [...reads, ...removes], owner: [...reads, ...removes] },
  ProxmoxCluster: { viewer: none, developer: none, owner: none },
  Builder: { viewer: none, developer: none, owner: none },
  Proxy: { viewer: none, developer: none, owner: none },
  // Each is one person's account, which the rest of a project must not see: the REST API serves it to that person.
  GitProvider: { viewer: none, developer: none, owner: none },
};

/** What is asked for. */
export interface Action {
  verb: Verb;
  kind: string;
  subresource?: string | undefined;
}

/**
 * `hide`: the asker may not even know that it exists. `deny`: they may see it, but not do this; the text says who may.
 */
export type Decision = { type: 'allow' } | { type: 'hide' } | { type: 'deny'; message: string };

const allow: Decision = { type: 'allow' };

/** Whether `identity`, with its role in the project concerned (undefined: none), may do something. Pure. */
export function decide(identity: Identity, role: Role | undefined, action: Action): Decision {
  const reading = isReading(action.verb);
  if (!identity.admin) {
    const member = decideForRole(role, action);
    if (member.type !== 'allow') return member;
  }
  if (reading) return allow;
  if (identity.scope === 'read') return deny('This token may only read. Use one with the scope write.');
  if (identity.admin && identity.scope !== 'admin' && !ownerMay(action)) {
    return deny('This is for administrators, and this token has the scope write only. Use one with the scope admin.');
  }
  return allow;
}

/** Whether an administrator's token of scope `write` may: what an owner may do in every project. */
function ownerMay(action: Action): boolean {
  return decideForRole('owner', action).type === 'allow';
}

function decideForRole(role: Role | undefined, { verb, kind, subresource }: Action): Decision {
  const granted = role === undefined ? none : (grants[kind]?.[role] ?? none);
  if (!granted.includes('get')) return needsName(verb) ? { type: 'hide' } : deny(adminOnly(verb, kind, role));
  if (subresource === 'status' && !isReading(verb))
    return deny('The status is written by the controller, and by administrators.');
  if (granted.includes(verb)) return allow;
  return deny(`Your role ${role} may not ${verb} ${kind} objects here. ${whoMay(verb, kind)}`);
}

/** Whether any role of a project may do this. */
export function isForMembers(verb: Verb, kind: string): boolean {
  return Object.values(grants[kind] ?? {}).some((verbs) => verbs.includes(verb));
}

export function isReading(verb: Verb): boolean {
  return verb === 'get' || verb === 'list' || verb === 'watch';
}

function needsName(verb: Verb): boolean {
  return verb === 'get' || verb === 'update' || verb === 'patch' || verb === 'delete';
}

function adminOnly(verb: Verb, kind: string, role: Role | undefined): string {
  const who = role === undefined ? 'You' : `Your role ${role}`;
  return `${who} may not ${verb} ${kind} objects here. ${whoMay(verb, kind)}`;
}

function whoMay(verb: Verb, kind: string): string {
  const roles = Object.entries(grants[kind] ?? {}).filter(([, verbs]) => verbs.includes(verb));
  if (roles.length === 0) return 'Administrators may.';
  return `The roles ${roles.map(([role]) => role).join(' and ')} may.`;
}

function deny(message: string): Decision {
  return { type: 'deny', message };
}
