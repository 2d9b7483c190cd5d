import { z } from 'zod';
import { Build } from '../../crds/build.ts';
import { Project } from '../../crds/project.ts';
import { Service } from '../../crds/service.ts';
import type { ApiContext } from '../context.ts';
import { followLog } from '../follow-log.ts';
import { inLots, MergedLog, type NamedLine } from '../log-streams.ts';
import { answer } from './answer.ts';
import { buildFieldNames, buildSpec, StartBuild } from './build-request.ts';
import { buildStatuses, buildView, isOver, shownBuildStatus, type BuildPlace } from './build-view.ts';
import { buildSources } from './deployment-logs.ts';
import { answerStream } from './event-stream.ts';
import { findObject } from './find-object.ts';
import { logText, newestLines } from './log-entries.ts';
import { newestFirst, pageOf } from './page.ts';
import { Flag, pageParameters, readJson, readParameters } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { invalidFields } from './rest-error.ts';
import { ownedBy } from './revisions.ts';
import { changeSpec, createNamed } from './write-object.ts';

const ListBuilds = z.strictObject({
  project_id: z.string().optional(),
  service_id: z.string().optional(),
  status: z.enum(buildStatuses).optional(),
  ...pageParameters,
});
const BuildLogs = z.strictObject({ follow: Flag });

/** So many of its newest lines go along where a build is shown. */
const SHOWN_LINES = 500;

/** The tag Builds. What is asked for is recorded as a Build; its loop carries it out. */
export function mountBuilds(app: RestApp, deps: RestDeps): void {
  app.get('/builds', (context) => listBuilds(context, deps));
  app.post('/builds', (context) => startBuild(context, deps));
  app.get('/builds/:id', async (context) => {
    const build = await findObject(context, deps, Build, { id: context.req.param('id') });
    const lines = await newestLines(deps.logs, buildSources(build), SHOWN_LINES);
    return answer(context, buildView(build, await placeOf(deps, build), logText(lines)), { object: build });
  });
  app.post('/builds/:id/cancel', (context) => cancelBuild(context, deps, context.req.param('id')));
  app.get('/builds/:id/logs', (context) => buildLogs(context, deps, context.req.param('id')));
}

async function listBuilds(context: ApiContext, deps: RestDeps): Promise<Response> {
  const { store, authorizer } = deps;
  const { project_id, service_id, status, page, limit } = readParameters(context, ListBuilds);
  const visibility = await authorizer.visibility(context.get('identity'), { verb: 'list', kind: Build.kind });
  const [project, service] = await Promise.all([
    project_id === undefined ? undefined : store.getByUid(Project, project_id),
    service_id === undefined ? undefined : store.getByUid(Service, service_id),
  ]);
  // An id of nothing has no builds, and neither has one of what is not for the asker to see.
  const isAbsent = (project_id !== undefined && !project) || (service_id !== undefined && !service);
  const namespace = project?.metadata.name ?? service?.metadata.namespace;
  const builds = isAbsent ? [] : (await store.list(Build, { namespace })).items;
  const found = builds
    .filter((build) => build.metadata.deletionTimestamp === undefined && visibility.sees(build))
    .filter((build) => !service || isOf(build, service))
    .filter((build) => status === undefined || shownBuildStatus(build) === status)
    .toSorted(newestFirst);
  const { items, pagination } = pageOf(found, { page, limit });
  const views = items.map(async (build) => buildView(build, await placeOf(deps, build)));
  return answer(context, { builds: await Promise.all(views), total: pagination.total, page, limit });
}

function isOf({ metadata, spec }: Build, service: Service): boolean {
  return spec.service === service.metadata.name && metadata.namespace === service.metadata.namespace;
}

async function startBuild(context: ApiContext, deps: RestDeps): Promise<Response> {
  const asked = await readJson(context, StartBuild);
  const { namespace, service } = await whereTo(context, deps, asked);
  await deps.authorizer.check(context.get('identity'), { verb: 'create', kind: Build.kind, namespace });
  const spec = await buildSpec(deps, asked, { namespace, service });
  const displayName = `${service?.metadata.name ?? asked.image_name} build`;
  const owner = service && ownedBy(service);
  const build = await createNamed(context, deps, Build, { namespace, displayName, ...owner, spec }, buildFieldNames);
  const started = {
    id: build.metadata.uid,
    status: shownBuildStatus(build),
    image_name: asked.image_name,
    image_tag: asked.image_tag,
    build_time: build.metadata.creationTimestamp,
    success: true,
  };
  return answer(context, started, { code: 201, object: build });
}

/** The project that a build goes into, and the service that it is for. */
async function whereTo(
  context: ApiContext,
  deps: RestDeps,
  { project_id, service_id }: StartBuild,
): Promise<{ namespace: string; service: Service | undefined }> {
  if (service_id === undefined && project_id === undefined) {
    throw invalidFields([{ path: 'service_id', message: 'is required, or project_id: a build belongs to a project' }]);
  }
  const project = project_id === undefined ? undefined : await findObject(context, deps, Project, { id: project_id });
  if (service_id === undefined) return { namespace: project?.metadata.name ?? '', service: undefined };
  const service = await findObject(context, deps, Service, { id: service_id });
  const { namespace = '' } = service.metadata;
  if (project && project.metadata.name !== namespace) {
    throw invalidFields([{ path: 'service_id', message: 'must be of a service in the project that project_id names' }]);
  }
  return { namespace, service };
}

async function cancelBuild(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const existing = await findObject(context, deps, Build, { id, verb: 'update' });
  if (isOver(existing)) return answer(context, { message: `The build is over: ${shownBuildStatus(existing)}.` });
  const stated = () => true;
  await changeSpec(context, deps, Build, { existing, stated, change: ({ spec }) => ({ ...spec, cancelled: true }) });
  return answer(context, { message: 'The build is being cancelled.' });
}

async function buildLogs(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const build = await findObject(context, deps, Build, { id });
  const { follow } = readParameters(context, BuildLogs);
  const { namespace, name, uid } = build.metadata;
  const merged = new MergedLog(deps.logs, {});
  const write = ({ text }: NamedLine) => `${text}\n`;
  const sources = buildSources(build);
  const asked = { kind: Build.kind, namespace, name };
  return answerStream(context, deps, { type: 'text/plain; charset=utf-8', asked }, (signal) =>
    follow
      ? followLog({
          sources: () => Promise.resolve(sources),
          write,
          merged,
          logs: deps.logs,
          clock: deps.clock,
          signal,
          async isOver() {
            const now = await deps.store.getByUid(Build, uid);
            return !now || isOver(now);
          },
        })
      : inLots(merged.backlog(sources), write),
  );
}

async function placeOf({ store }: RestDeps, { metadata, spec }: Build): Promise<BuildPlace> {
  const { namespace = '' } = metadata;
  const [project, service] = await Promise.all([
    store.get(Project, { name: namespace }),
    spec.service === undefined ? undefined : store.get(Service, { namespace, name: spec.service }),
  ]);
  return { projectId: project?.metadata.uid, serviceId: service?.metadata.uid };
}
