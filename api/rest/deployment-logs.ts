import type { Build } from '../../crds/build.ts';
import type { Deployment } from '../../crds/deployment.ts';
import { DEPLOYMENT_LABEL } from '../../crds/meta.ts';
import type { LogSource } from '../log-streams.ts';
import { guestsWith } from '../logs.ts';
import { logText, newestLines } from './log-entries.ts';
import type { RestDeps } from './rest-deps.ts';

/** So many lines go along where a deployment is shown. */
const SHOWN_LINES = 500;

/** Where a deployment's guests print to. */
export async function runtimeSources(
  { store }: Pick<RestDeps, 'store'>,
  { metadata }: Deployment,
): Promise<LogSource[]> {
  const guests = await guestsWith(store, metadata.namespace, DEPLOYMENT_LABEL, metadata.name);
  return guests.map((guest) => ({ stream: `guest/${guest.metadata.uid}`, name: guest.metadata.name }));
}

/** Where its build printed to. */
export function buildSources(build: Build | undefined): LogSource[] {
  return build ? [{ stream: `build/${build.metadata.uid}`, name: build.metadata.name }] : [];
}

/** The ends of both logs. */
export async function deploymentLogTexts(
  deps: RestDeps,
  deployment: Deployment,
  build: Build | undefined,
): Promise<{ build_log: string; runtime_log: string }> {
  const [built, printed] = await Promise.all([
    newestLines(deps.logs, buildSources(build), SHOWN_LINES),
    newestLines(deps.logs, await runtimeSources(deps, deployment), SHOWN_LINES),
  ]);
  return { build_log: logText(built), runtime_log: logText(printed) };
}
