import { Hono, type MiddlewareHandler } from 'hono';
import type { ApiEnv } from './context.ts';
import { respond } from './respond.ts';

interface SealingKeyOptions {
  /** The newest public key of the installation. */
  publicKey(): Promise<string>;
  authenticated: MiddlewareHandler<ApiEnv>;
}

/** `GET /api/sealing-key`: what to seal values of Secrets for. For everybody who is known, since it opens nothing. */
export function sealingKeyRoutes({ publicKey, authenticated }: SealingKeyOptions): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  routes.get('/api/sealing-key', authenticated, async (context) => respond(context, { publicKey: await publicKey() }));
  return routes;
}
