import { z } from 'zod';
import { Project } from '../../crds/project.ts';
import { Service, type ServiceSpec } from '../../crds/service.ts';
import type { ApiContext } from '../context.ts';
import { answer } from './answer.ts';
import { DisplayName, shownName } from './display-name.ts';
import { findObject } from './find-object.ts';
import { objectTimes } from './object-times.ts';
import { readJson } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { invalidFields } from './rest-error.ts';
import {
  BuildConfig,
  fromBuild,
  fromSource,
  ResourceConfig,
  serviceFieldNames,
  ServiceSource,
  ServiceType,
  shownStatus,
  toBuild,
  toSource,
} from './service-fields.ts';
import { changeSpec, createNamed, deleteObject } from './write-object.ts';

const CreateService = z.strictObject({
  name: DisplayName,
  type: ServiceType,
  source: ServiceSource.optional(),
  build_config: BuildConfig.optional(),
  resources: ResourceConfig.optional(),
});
const UpdateService = CreateService.pick({ name: true, build_config: true, resources: true }).partial();
type UpdateService = z.output<typeof UpdateService>;

/** The tag Services. What the contract has no field for is set by manifests, and stays as they set it. */
export function mountServices(app: RestApp, deps: RestDeps): void {
  app.get('/projects/:id/services', async (context) => {
    const project = await findObject(context, deps, Project, { id: context.req.param('id') });
    const { items } = await deps.store.list(Service, { namespace: project.metadata.name });
    const services = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return answer(
      context,
      services.map((service) => serviceView(service, project)),
    );
  });
  app.post('/projects/:id/services', (context) => createService(context, deps, context.req.param('id')));
  app.get('/services/:id', async (context) => {
    const service = await findObject(context, deps, Service, { id: context.req.param('id') });
    return answerService(context, deps, service);
  });
  app.put('/services/:id', (context) => updateService(context, deps, context.req.param('id')));
  app.delete('/services/:id', async (context) => {
    const service = await findObject(context, deps, Service, { id: context.req.param('id'), verb: 'delete' });
    await deleteObject(context, deps, Service, service);
    return context.body(null, 204);
  });
}

async function createService(context: ApiContext, deps: RestDeps, projectId: string): Promise<Response> {
  const project = await findObject(context, deps, Project, { id: projectId });
  const namespace = project.metadata.name;
  await deps.authorizer.check(context.get('identity'), { verb: 'create', kind: Service.kind, namespace });
  const { name, type, source, build_config = {}, resources = {} } = await readJson(context, CreateService);
  if (!source) {
    const message = 'is required: the image of the service, or the repository that it is built from';
    throw invalidFields([{ path: 'source', message }]);
  }
  if (type === 'cron') {
    const message = 'cannot be cron here, for a schedule has no field in this API; apply a manifest with spec.schedule';
    throw invalidFields([{ path: 'type', message }]);
  }
  const { builder_type: builder, build_command, start_command, environment_variables } = build_config;
  const build = {
    builder,
    buildCommand: build_command || undefined,
    startCommand: start_command || undefined,
    environment: environment_variables,
  };
  const spec = { displayName: name, type, source: toSource(source), build, resources };
  const service = await createNamed(context, deps, Service, { namespace, displayName: name, spec }, serviceFieldNames);
  return answer(context, serviceView(service, project), { code: 201, object: service });
}

async function updateService(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const existing = await findObject(context, deps, Service, { id, verb: 'update' });
  const update = await readJson(context, UpdateService);
  const service = await changeSpec(
    context,
    deps,
    Service,
    { existing, stated: ({ spec }) => statedBy(update, spec), change: ({ spec }) => changedBy(update, spec) },
    serviceFieldNames,
  );
  return answerService(context, deps, service);
}

function changedBy({ name, build_config, resources }: UpdateService, spec: ServiceSpec): object {
  return {
    ...spec,
    ...(name !== undefined && { displayName: name }),
    ...(build_config && { build: toBuild(spec, build_config) }),
    ...(resources && { resources: { ...spec.resources, ...resources } }),
  };
}

/** What is stored now of what the request states. */
function statedBy({ name, build_config = {}, resources = {} }: UpdateService, spec: ServiceSpec): unknown {
  const { builder, buildCommand, startCommand, environment } = spec.build;
  return [
    name !== undefined && spec.displayName,
    build_config.builder_type !== undefined && builder,
    build_config.build_command !== undefined && buildCommand,
    build_config.start_command !== undefined && startCommand,
    build_config.environment_variables !== undefined && environment,
    resources.cpu !== undefined && spec.resources.cpu,
    resources.memory !== undefined && spec.resources.memory,
    resources.storage !== undefined && spec.resources.storage,
  ];
}

async function answerService(context: ApiContext, { store }: RestDeps, service: Service): Promise<Response> {
  const project = await store.get(Project, { name: service.metadata.namespace ?? '' });
  return answer(context, serviceView(service, project), { object: service });
}

/** A Service in the form of the contract. */
function serviceView(service: Service, project: Project | undefined): object {
  const { metadata, spec } = service;
  return {
    id: metadata.uid,
    project_id: project?.metadata.uid,
    name: shownName(service),
    type: spec.type,
    status: shownStatus(service),
    source: fromSource(spec.source),
    build_config: fromBuild(spec),
    resources: spec.resources,
    ...objectTimes(service),
  };
}
