import { z } from 'zod';
import { allKinds } from '../../crds/kinds.ts';
import type { AuditAction, AuditEntry } from '../../controller/access/audit-log.ts';
import type { Identity } from '../../controller/access/token-store.ts';
import type { ApiContext } from '../context.ts';
import { answer } from './answer.ts';
import { findObject } from './find-object.ts';
import { pageParameters, readParameters, wholeNumber } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { invalidFields, RestError, restErrorOf } from './rest-error.ts';

/** What the audit knows besides the kinds of objects. */
const accountKinds = ['User', 'Token', 'Session'];
const kindsByResource = new Map(
  [...allKinds.map(({ kind }) => kind), ...accountKinds].map((kind) => [resourceOf(kind), kind]),
);
const actions = new Set<string>(['create', 'update', 'delete', 'status', 'login'] satisfies AuditAction[]);

const ListParameters = z.strictObject({
  ...pageParameters,
  limit: wholeNumber({ least: 1, most: 100, usual: 50 }),
  resource: z.string().max(64).optional(),
  action: z.string().max(64).optional(),
});
/** The contract has no pages for the trail of one object; its newest entries are what is asked for. */
const TRAIL = 100;

/** The tag Audit: who changed what. Everybody sees what they did themselves, administrators see all. */
export function mountAudit(app: RestApp, deps: RestDeps): void {
  app.get('/audit-logs', async (context) => {
    const { page, limit, resource, action } = readParameters(context, ListParameters);
    const entries = await deps.audit.list({
      ...ownOnly(context.get('identity')),
      ...(resource !== undefined && { kind: kindOf(resource) }),
      ...(action !== undefined && { action: readAction(action) }),
      limit,
      skip: (page - 1) * limit,
    });
    return answer(context, { audit_logs: await shown(deps, entries) });
  });

  app.get('/audit-logs/:resource/:id', async (context) => {
    const { resource, id } = context.req.param();
    const kind = kindsByResource.get(resource);
    if (kind === undefined) throw nothingOf(resource, id);
    const mayAll = await isOwnerOf(context, deps, kind, id);
    const whose = mayAll ? {} : ownOnly(context.get('identity'));
    const entries = await deps.audit.list({ ...whose, kind, uid: id, limit: TRAIL });
    if (entries.length === 0 && !mayAll) throw nothingOf(resource, id);
    return answer(context, { audit_logs: await shown(deps, entries) });
  });
}

/** Who may change who belongs to a project may also see who changed what in it. */
async function isOwnerOf(context: ApiContext, deps: RestDeps, kindName: string, id: string): Promise<boolean> {
  const kind = allKinds.find((known) => known.kind === kindName);
  const identity = context.get('identity');
  if (identity.admin || !kind) return identity.admin;
  try {
    const { metadata } = await findObject(context, deps, kind, { id });
    const project = kindName === 'Project' ? metadata.name : metadata.namespace;
    if (project === undefined) return false;
    await deps.authorizer.check({ ...identity, scope: 'write' }, { verb: 'update', kind: 'Project', name: project });
    return true;
  } catch (error) {
    // Whatever they are refused, they are not the owner.
    if (restErrorOf(error)) return false;
    throw error;
  }
}

function ownOnly({ admin, user, account }: Identity): { users?: readonly string[] } {
  return admin ? {} : { users: [user, ...(account?.emails ?? [])] };
}

async function shown({ users }: Pick<RestDeps, 'users'>, entries: readonly AuditEntry[]): Promise<object[]> {
  const names = new Set(entries.flatMap(({ user }) => user ?? []));
  const ids = new Map(await Promise.all([...names].map(async (user) => [user, await users.idOf(user)] as const)));
  return entries.map((entry) => ({
    id: entry.id,
    user_id: entry.user === undefined ? undefined : ids.get(entry.user),
    user_email: entry.user,
    resource: resourceOf(entry.kind),
    resource_id: entry.uid,
    action: entry.action,
    details: JSON.stringify({
      namespace: entry.namespace,
      name: entry.name,
      manager: entry.manager,
      request_id: entry.requestId,
      changed: entry.changed,
      changes: entry.changes,
    }),
    ip_address: entry.address,
    user_agent: entry.userAgent,
    created_at: entry.time.toISOString(),
  }));
}

/** `GitProvider` as the contract would write it: `git_provider`. */
function resourceOf(kind: string): string {
  return kind.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase();
}

function kindOf(resource: string): string {
  const kind = kindsByResource.get(resource);
  if (kind !== undefined) return kind;
  throw invalidFields([{ path: 'resource', message: `must be one of ${[...kindsByResource.keys()].join(', ')}` }]);
}

function readAction(text: string): AuditAction {
  if (isAction(text)) return text;
  throw invalidFields([{ path: 'action', message: `must be one of ${[...actions].join(', ')}` }]);
}

function isAction(text: string): text is AuditAction {
  return actions.has(text);
}

function nothingOf(resource: string, id: string): RestError {
  const what = `${resource.slice(0, 64)} ${id.slice(0, 64)}`;
  return new RestError('not_found', `There is no audit of ${JSON.stringify(what)} that you may see.`);
}
