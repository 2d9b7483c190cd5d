import { Hono, type MiddlewareHandler } from 'hono';
import { observeOnlyText, type Observing } from '../controller/observe-only.ts';
import type { Writer } from '../controller/store/store.ts';
import type { ApiEnv } from './context.ts';
import { writerOf } from './resources/writer.ts';
import { respond } from './respond.ts';
import { Refused } from './status.ts';

/** What can be said and done about the installation as a whole. */
export interface Installation {
  observing: Observing;
  /** False when it did not observe only. */
  resume(by: Writer): Promise<boolean>;
}

interface InstallationOptions {
  installation: Installation;
  authenticated: MiddlewareHandler<ApiEnv>;
}

/** `GET /api/installation`: whether it only observes, and why. `POST /api/installation/resume` ends that, for administrators. */
export function installationRoutes({ installation, authenticated }: InstallationOptions): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  const shown = () => ({ observeOnly: installation.observing() ?? null });
  routes.get('/api/installation', authenticated, async (context) => respond(context, shown()));
  routes.post('/api/installation/resume', authenticated, async (context) => {
    const { admin, scope } = context.get('identity');
    if (!admin || scope !== 'admin') {
      const words = 'Only administrators let the installation go on, with a token of the scope admin.';
      throw new Refused('Forbidden', words);
    }
    const resumed = await installation.resume(writerOf(context, { fieldManager: '' }));
    return respond(context, { ...shown(), resumed });
  });
  return routes;
}

/** Tells it with every answer, as kubectl and our own command show it. */
export function warnOfObserving(observing: Observing): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const observeOnly = observing();
    if (observeOnly) context.header('Warning', `299 - "${observeOnlyText(observeOnly).replaceAll(/["\\]/g, '\\$&')}"`);
  };
}
