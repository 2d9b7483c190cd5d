import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../context.ts';
import { BASE } from './base-path.ts';
import type { RestApp } from './rest-deps.ts';
import { RestError } from './rest-error.ts';

/** Answers what no operation took: 405 where the path takes other methods, else 404. To be mounted last. */
export function refuseOthers(app: RestApp): MiddlewareHandler<ApiEnv> {
  const known = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({ method, steps: path.split('/') }));
  return async (context) => {
    const path = context.req.path.slice(BASE.length);
    const steps = path.split('/');
    const allow = known.filter((route) => takes(route.steps, steps)).map(({ method }) => method);
    if (allow.length === 0) throw new RestError('not_found', `There is nothing at ${context.req.path}.`);
    throw new RestError('method_not_allowed', `${context.req.method} is not taken here; ${allow.join(' and ')} is.`, {
      allow: [...new Set(allow)],
    });
  };
}

function takes(route: readonly string[], steps: readonly string[]): boolean {
  return (
    route.length === steps.length &&
    route.every((step, at) => step === steps[at] || (step.startsWith(':') && steps[at] !== ''))
  );
}
