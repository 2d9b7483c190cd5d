import { Hono, type MiddlewareHandler } from 'hono';
import { API_VERSION, GROUP } from '../../crds/meta.ts';
import { isFault } from '../../controller/errors.ts';
import type { ApiContext, ApiEnv } from '../context.ts';
import { respond } from '../respond.ts';
import { Refused } from '../status.ts';
import { deleteCollection, deleteObject } from './delete.ts';
import type { ResourceDeps } from './deps.ts';
import {
  apiGroup,
  coreResources,
  coreVersions,
  groupList,
  kindsWithLog,
  resourceList,
  reviewApiGroup,
  reviewResources,
  reviews,
} from './discovery.ts';
import { getNamespace } from './namespace.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';
import { patchObject } from './patch.ts';
import { readListQuery } from './query.ts';
import { getObject, listObjects, readForm } from './read.ts';
import { getScale, patchScale, replaceScale } from './scale.ts';
import { reviewOwnAccess } from './self-subject-access-review.ts';
import { reviewOwnIdentity } from './self-subject-review.ts';
import { patchStatus, replaceStatus } from './status-subresource.ts';
import { readTarget, readVerb, type Target } from './target.ts';
import { watchObjects } from './watch.ts';
import { createObject, replaceObject } from './write.ts';
import type { Asked } from '../auth/authorizer.ts';

/** Answers the log of an object. */
export type ReadLog = (context: ApiContext, target: Target, mayStill: () => Promise<boolean>) => Promise<Response>;

interface RouteDeps extends ResourceDeps {
  authenticated: MiddlewareHandler<ApiEnv>;
  readLog: ReadLog;
}

/** The Kubernetes protocol over our kinds: discovery, schemas, and every verb, for whoever is authenticated. */
export function resourceRoutes(deps: RouteDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  const { authenticated } = deps;
  // The rest of /api is another protocol, with doors of its own.
  routes.get('/api', authenticated, (context) => respond(context, coreVersions));
  routes.get('/api/v1', authenticated, (context) => respond(context, coreResources));
  routes.get('/api/v1/namespaces/:name', authenticated, (context) =>
    getNamespace(context, deps, context.req.param('name')),
  );
  routes.use('/apis/*', authenticated);
  routes.get('/apis', (context) => respond(context, groupList));
  routes.get(`/apis/${GROUP}`, (context) => respond(context, apiGroup));
  routes.get(`/apis/${API_VERSION}`, (context) => respond(context, resourceList));
  routes.all(`/apis/${API_VERSION}/*`, (context) => handle(context, deps));
  for (const review of reviews) {
    routes.get(`/apis/${review.group}`, (context) => respond(context, reviewApiGroup(review)));
    routes.get(`/apis/${review.group}/v1`, (context) => respond(context, reviewResources(review)));
  }
  const [access, identity] = reviews;
  routes.post(`/apis/${access.group}/v1/${access.plural}`, (context) => reviewOwnAccess(context, deps));
  routes.post(`/apis/${identity.group}/v1/${identity.plural}`, (context) => reviewOwnIdentity(context));
  routes.use('/openapi/*', authenticated);
  routes.get('/openapi/v3', (context) => respond(context, openApiIndex()));
  routes.get(`/openapi/v3/apis/${API_VERSION}`, (context) => respond(context, openApiDocument()));
  return routes;
}

async function handle(context: ApiContext, deps: RouteDeps): Promise<Response> {
  const target = readTarget(context.req.path);
  const verb = readVerb(context.req.method, target, context.req.method === 'GET' && readListQuery(context).watch);
  const asked: Asked = { ...target, verb, kind: target.kind.kind };
  const identity = context.get('identity');
  await deps.authorizer.check(identity, asked);
  // An answer that cannot be given is refused now, not after something was written.
  if (target.subresource !== 'log') readForm(context, deps);

  switch (verb) {
    case 'get':
      if (target.subresource === 'scale') return getScale(context, deps, target);
      return target.subresource === 'log' ? logOf(context, deps, target, asked) : getObject(context, deps, target);
    case 'list':
      return listObjects(context, deps, target);
    case 'watch':
      return watchObjects(context, deps, target, () => mayStill(context, deps, asked));
    case 'create':
      return createObject(context, deps, target);
    case 'update':
      if (target.subresource === 'scale') return replaceScale(context, deps, target);
      return target.subresource === 'status'
        ? replaceStatus(context, deps, target)
        : replaceObject(context, deps, target);
    case 'patch':
      if (target.subresource === 'scale') return patchScale(context, deps, target);
      return target.subresource === 'status' ? patchStatus(context, deps, target) : patchObject(context, deps, target);
    case 'delete':
      return deleteObject(context, deps, target);
    case 'deletecollection':
      return deleteCollection(context, deps, target);
    default:
      return verb satisfies never;
  }
}

function logOf(context: ApiContext, deps: RouteDeps, target: Target, asked: Asked): Promise<Response> {
  if (!kindsWithLog.has(target.kind.kind)) throw new Refused('NotFound', `A ${target.kind.kind} has no log.`);
  return deps.readLog(context, target, () => mayStill(context, deps, asked));
}

async function mayStill(context: ApiContext, { authorizer }: ResourceDeps, asked: Asked): Promise<boolean> {
  try {
    if (!(await context.get('tokenHolds')())) return false;
    await authorizer.check(context.get('identity'), asked);
    return true;
  } catch (error) {
    // The store may be away for a moment; only an answer counts.
    if (error instanceof Refused || isFault(error, 'NotFound')) return false;
    throw error;
  }
}
