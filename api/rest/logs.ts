import { z } from 'zod';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { SERVICE_LABEL } from '../../crds/meta.ts';
import { Service } from '../../crds/service.ts';
import type { ApiContext } from '../context.ts';
import { followLog } from '../follow-log.ts';
import { MergedLog, type LogSource } from '../log-streams.ts';
import { guestsWith } from '../logs.ts';
import { answer } from './answer.ts';
import { buildSources, runtimeSources } from './deployment-logs.ts';
import { answerStream, eventText, heartbeat } from './event-stream.ts';
import { findObject } from './find-object.ts';
import { logEntry, logText, newestLines } from './log-entries.ts';
import { Flag, readParameters, wholeNumber } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { readResumeToken, resumeToken } from './resume-token.ts';

const ServiceLogs = z.strictObject({ follow: Flag, tail: wholeNumber({ least: 0, most: 10_000, usual: 100 }) });
const DeploymentLogs = z.strictObject({ type: z.enum(['all', 'build', 'runtime']).default('all') });

/** So many of the newest lines are answered of a deployment. */
const DEPLOYMENT_LINES = 1_000;

/** The tag Logs: what loops collected. Followed, a log comes as events `log`, each with the id that reading goes on behind. */
export function mountLogs(app: RestApp, deps: RestDeps): void {
  app.get('/services/:id/logs', (context) => serviceLogs(context, deps, context.req.param('id')));
  app.get('/deployments/:id/logs', (context) => deploymentLogs(context, deps, context.req.param('id')));
}

async function serviceLogs(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const service = await findObject(context, deps, Service, { id });
  const { follow, tail } = readParameters(context, ServiceLogs);
  const sources = () => serviceSources(deps, service);
  if (follow) return followService(context, deps, service, tail);
  const found = await sources();
  const lines = await newestLines(deps.logs, found, tail);
  const message = found.length === 0 ? 'The service has no guests yet, so nothing was printed.' : undefined;
  return answer(context, { logs: lines.map(logEntry), message });
}

async function serviceSources({ store }: RestDeps, { metadata }: Service): Promise<LogSource[]> {
  const guests = await guestsWith(store, metadata.namespace, SERVICE_LABEL, metadata.name);
  return guests.map((guest) => ({ stream: `guest/${guest.metadata.uid}`, name: guest.metadata.name }));
}

async function followService(context: ApiContext, deps: RestDeps, service: Service, tail: number): Promise<Response> {
  const sources = () => serviceSources(deps, service);
  const token = context.req.header('last-event-id') ?? '';
  const streams = (await sources()).map(({ stream }) => stream);
  const from = token === '' ? undefined : readResumeToken(token, streams);
  const merged = new MergedLog(deps.logs, { tail, from });
  const { namespace, name } = service.metadata;
  const asked = { kind: Service.kind, namespace, name };
  return answerStream(context, deps, { type: 'text/event-stream', asked }, async function* (signal) {
    yield 'retry: 2000\n\n';
    yield* followLog({
      sources,
      write: (line) => eventText('log', resumeToken(merged.positions), logEntry(line)),
      merged,
      logs: deps.logs,
      clock: deps.clock,
      signal,
      heartbeat,
    });
  });
}

async function deploymentLogs(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const deployment = await findObject(context, deps, Deployment, { id });
  const { type } = readParameters(context, DeploymentLogs);
  const { namespace } = deployment.metadata;
  const build =
    type === 'runtime' ? undefined : await deps.store.get(Build, { namespace, name: deployment.spec.build });
  const [built, printed] = await Promise.all([
    newestLines(deps.logs, buildSources(build), DEPLOYMENT_LINES),
    newestLines(deps.logs, type === 'build' ? [] : await runtimeSources(deps, deployment), DEPLOYMENT_LINES),
  ]);
  return answer(context, {
    logs: [...built, ...printed].toSorted((a, b) => a.time.getTime() - b.time.getTime()).map(logEntry),
    ...(type !== 'runtime' && { build_log: logText(built) }),
    ...(type !== 'build' && { runtime_log: logText(printed) }),
  });
}
