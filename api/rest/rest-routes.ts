import { Hono, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { ApiEnv } from '../context.ts';
import { forges } from '../forges/forges.ts';
import { BASE } from './base-path.ts';
import { refuseOthers } from './refuse-others.ts';
import { mountAudit } from './audit.ts';
import { mountAuth } from './auth.ts';
import { mountDatabases } from './databases.ts';
import { mountBuilds } from './builds.ts';
import { mountContract } from './contract.ts';
import { mountDeployments } from './deployments.ts';
import { mountGitProviders } from './git-providers.ts';
import { mountHealth } from './health.ts';
import { mountProfile } from './profile.ts';
import { mountLogs } from './logs.ts';
import { mountProjects } from './projects.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { respondRestError } from './rest-error.ts';
import { mountServices } from './services.ts';
import { mountTemplates } from './templates.ts';

interface RestRoutesOptions extends RestDeps {
  /** Told of what nobody foresaw. */
  unexpected(error: unknown, requestId: string): void;
}

type Mount = (app: RestApp, deps: RestDeps) => void;

const mountGit: Mount = (app, deps) => mountGitProviders(app, { ...deps, forges });

/** The tags of the contract, a file each. */
const tags: readonly Mount[] = [
  mountHealth,
  mountContract,
  mountAuth,
  mountProfile,
  mountProjects,
  mountServices,
  mountDeployments,
  mountLogs,
  mountBuilds,
  mountTemplates,
  mountDatabases,
  mountAudit,
  mountGit,
];

/** What anybody may ask for, without a token. */
const open: ReadonlySet<string> = new Set(['/health', '/auth/login', '/auth/register', '/openapi.yaml', '/docs']);

/**
 * The contract, to be mounted at `/api/v1`.
 *
 * To add a tag: write `mountTag(app, deps)` in a file of its name, with one handler for each operation, and put it into
 * `tags` above. A handler
 * - reads its body with `readJson` and its parameters with `readParameters`, by strict schemas of zod;
 * - finds what an id speaks of with `findObject`, which also asks whether this person may do that (`verb`);
 * - writes with `createObject`, `createNamed`, `changeSpec` or `deleteObject`, which go the way of the resource API;
 * - answers with `answer`, and gives `object` along where the answer is one object;
 * - throws `RestError` for what it refuses; faults of the store and refusals of the admission need no care.
 * Everybody here has shown a token, but at the paths in `open`.
 */
export function restRoutes({ unexpected, ...deps }: RestRoutesOptions): Hono<ApiEnv> {
  const app: RestApp = new Hono<ApiEnv>();
  app.onError((error, context) =>
    respondRestError(context, error, (cause) => unexpected(cause, context.get('requestId'))),
  );
  const { corsOrigins } = deps.settings;
  if (corsOrigins.length > 0) app.use(crossOrigin(corsOrigins));
  app.use((context, next) =>
    open.has(context.req.path.slice(BASE.length)) ? next() : deps.authenticated(context, next),
  );
  for (const mount of tags) mount(app, deps);
  app.all('*', refuseOthers(app));
  return app;
}

function crossOrigin(origins: readonly string[]): MiddlewareHandler<ApiEnv> {
  return cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'If-Match', 'Last-Event-ID', 'X-Request-Id'],
    exposeHeaders: ['ETag', 'Retry-After', 'X-Request-Id'],
    maxAge: 600,
  });
}
