import { z } from 'zod';
import { Project } from '../../crds/project.ts';
import { Service } from '../../crds/service.ts';
import type { ApiContext } from '../context.ts';
import { answer } from './answer.ts';
import { DisplayName, shownName } from './display-name.ts';
import { findObject } from './find-object.ts';
import { objectTimes } from './object-times.ts';
import { newestFirst, pageOf } from './page.ts';
import { readJson, readParameters, wholeNumber } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { RestError } from './rest-error.ts';
import { changeSpec, createNamed, deleteObject } from './write-object.ts';

const CreateProject = z.strictObject({ name: DisplayName, description: z.string().max(4096).optional() });
const UpdateProject = CreateProject.partial();
const ListProjects = z.strictObject({
  page: wholeNumber({ least: 1, most: 1_000_000, usual: 1 }),
  limit: wholeNumber({ least: 1, most: 1_000, usual: 20 }),
  search: z.string().max(256).default(''),
});

const fields = { 'spec.displayName': 'name', 'spec.description': 'description' };

/** The tag Projects. Whoever makes a project is its owner; what is being deleted is no longer there. */
export function mountProjects(app: RestApp, deps: RestDeps): void {
  app.get('/projects', (context) => listProjects(context, deps));
  app.post('/projects', (context) => createProject(context, deps));
  app.get('/projects/:id', async (context) => {
    const project = await findObject(context, deps, Project, { id: context.req.param('id') });
    return answerProject(context, deps, project);
  });
  app.put('/projects/:id', (context) => updateProject(context, deps, context.req.param('id')));
  app.delete('/projects/:id', async (context) => {
    const project = await findObject(context, deps, Project, { id: context.req.param('id'), verb: 'delete' });
    await deleteObject(context, deps, Project, project);
    return context.body(null, 204);
  });
}

async function listProjects(context: ApiContext, deps: RestDeps): Promise<Response> {
  const { search, ...paging } = readParameters(context, ListProjects);
  const visibility = await deps.authorizer.visibility(context.get('identity'), { verb: 'list', kind: Project.kind });
  const wanted = search.toLowerCase();
  const found = (await deps.store.list(Project)).items
    .filter((project) => project.metadata.deletionTimestamp === undefined && visibility.sees(project))
    .filter((project) => wanted === '' || textOf(project).includes(wanted))
    .toSorted(newestFirst);
  const { items, pagination } = pageOf(found, paging);
  return answer(context, { projects: await projectViews(deps, items), pagination });
}

function textOf(project: Project): string {
  return `${shownName(project)}\n${project.spec.description ?? ''}`.toLowerCase();
}

async function createProject(context: ApiContext, deps: RestDeps): Promise<Response> {
  const { user, scope } = context.get('identity');
  if (scope === 'read') {
    throw new RestError('forbidden', 'This token may only read. Use one with the scope write.');
  }
  const { name, description } = await readJson(context, CreateProject);
  const members = [{ user, role: 'owner' }];
  const spec = { displayName: name, description, members };
  const project = await createNamed(context, deps, Project, { displayName: name, spec }, fields);
  return answerProject(context, deps, project, 201);
}

async function updateProject(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const existing = await findObject(context, deps, Project, { id, verb: 'update' });
  const { name, description } = await readJson(context, UpdateProject);
  const project = await changeSpec(
    context,
    deps,
    Project,
    {
      existing,
      stated: ({ spec }) => [name !== undefined && spec.displayName, description !== undefined && spec.description],
      change: ({ spec }) => ({
        ...spec,
        ...(name !== undefined && { displayName: name }),
        ...(description !== undefined && { description }),
      }),
    },
    fields,
  );
  return answerProject(context, deps, project);
}

async function answerProject(
  context: ApiContext,
  deps: RestDeps,
  project: Project,
  code: 200 | 201 = 200,
): Promise<Response> {
  const [view = {}] = await projectViews(deps, [project]);
  return answer(context, view, { code, object: project });
}

async function projectViews({ store, users }: RestDeps, projects: readonly Project[]): Promise<object[]> {
  const counts = await store.countIn(
    Service,
    projects.map(({ metadata }) => metadata.name),
  );
  return Promise.all(
    projects.map(async (project) => {
      const owner = project.spec.members.find(({ role }) => role === 'owner');
      return {
        id: project.metadata.uid,
        name: shownName(project),
        description: project.spec.description ?? '',
        owner_id: owner && (await users.idOf(owner.user)),
        ...objectTimes(project),
        services_count: counts.get(project.metadata.name) ?? 0,
      };
    }),
  );
}
