import { answer } from './answer.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';

/** The tag Health: whether the API answers. Whether what it stands on is well is told by `/healthz` and `/readyz`. */
export function mountHealth(app: RestApp, { version }: Pick<RestDeps, 'version'>): void {
  app.get('/health', (context) => answer(context, { status: 'ok', service: 'containr-api', version }));
}
