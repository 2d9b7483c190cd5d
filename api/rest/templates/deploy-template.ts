import { z } from 'zod';
import { Database, DatabasePlan } from '../../../crds/database.ts';
import { API_VERSION } from '../../../crds/meta.ts';
import { Project } from '../../../crds/project.ts';
import { Secret } from '../../../crds/secret.ts';
import { Service } from '../../../crds/service.ts';
import { validateManifest } from '../../../crds/validate.ts';
import type { FieldProblem } from '../../../controller/errors.ts';
import type { ApiContext } from '../../context.ts';
import { answer } from '../answer.ts';
import { DisplayName, shownName } from '../display-name.ts';
import { findObject } from '../find-object.ts';
import { nameFrom } from '../name-from.ts';
import { readJson } from '../read-request.ts';
import type { RestDeps } from '../rest-deps.ts';
import { invalidFields } from '../rest-error.ts';
import { byRest, createNamed } from '../write-object.ts';
import { chooseValues, type Chosen } from './choose-values.ts';
import { linkDatabases } from './database-links.ts';
import { onlyReference } from './references.ts';
import { renderService, type RenderedService } from './render-service.ts';
import type { Template, TemplateService } from './template.ts';

const DeployTemplate = z.strictObject({
  project_id: z.string(),
  name: DisplayName,
  plan: DatabasePlan.optional(),
  region: z.string().optional(),
  variables: z.record(z.string(), z.string()).default({}),
});
type DeployTemplate = z.output<typeof DeployTemplate>;

/**
 * Makes what a template describes in a project: all of it or nothing. Everything is checked before the first write, and the
 * Service, which alone makes something run, is written last.
 */
export async function deployTemplate(context: ApiContext, deps: RestDeps, template: Template): Promise<Response> {
  const request = await readJson(context, DeployTemplate);
  const project = await findObject(context, deps, Project, { id: request.project_id });
  const namespace = project.metadata.name;
  const may = (kind: string) => deps.authorizer.check(context.get('identity'), { verb: 'create', kind, namespace });
  const { service, database } = template;
  await may(service ? Service.kind : Database.kind);

  const values = valuesOf(chooseValues(template.variables, new Map(Object.entries(request.variables))));
  if (service) {
    const { plan } = request;
    if (plan !== undefined) throw invalidFields([{ path: 'plan', message: 'is for templates of databases only' }]);
    const linked = valuesOf(await linkDatabases(deps.store, namespace, template.variables, values));
    const made = await deployService(context, deps, { template, service, request, namespace, values: linked });
    const message = `${template.name} is being deployed as "${shownName(made)}".`;
    return answer(
      context,
      { resource: 'service', service_id: made.metadata.uid, message },
      { code: 201, object: made },
    );
  }
  const { name: displayName, plan, region } = request;
  const spec = { displayName, engine: database?.engine, plan, region };
  const made = await createNamed(context, deps, Database, { namespace, displayName, spec }, databaseFields);
  const message = `${template.name} is being provisioned as "${shownName(made)}".`;
  return answer(
    context,
    { resource: 'database', database_id: made.metadata.uid, message },
    { code: 201, object: made },
  );
}

const databaseFields = { 'spec.displayName': 'name', 'spec.plan': 'plan', 'spec.region': 'region' };

function valuesOf(chosen: Chosen): ReadonlyMap<string, string> {
  if (!chosen.ok) throw invalidFields(chosen.problems);
  return chosen.values;
}

interface Deploying {
  template: Template;
  service: TemplateService;
  request: DeployTemplate;
  namespace: string;
  values: ReadonlyMap<string, string>;
}

async function deployService(context: ApiContext, deps: RestDeps, deploying: Deploying): Promise<Service> {
  const { template, service, request, namespace, values } = deploying;
  const { name: displayName, region } = request;
  const render = (secretName: string): RenderedService =>
    renderService(service, { displayName, secretName, region, values, variables: template.variables });

  const trial = render('trial');
  const fields = fieldNames(service);
  requireValid(trial.spec, fields);
  if (Object.keys(trial.secrets).length === 0) {
    return createNamed(context, deps, Service, { namespace, displayName, spec: trial.spec }, fields);
  }
  const secret = await createNamed(context, deps, Secret, {
    namespace,
    displayName: `${nameFrom(displayName, Service.singular).slice(0, MOST_OF_NAME)}-env`,
    spec: { data: trial.secrets },
  });
  const { name, uid } = secret.metadata;
  try {
    return await createNamed(context, deps, Service, { namespace, displayName, spec: render(name).spec }, fields);
  } catch (error) {
    await deps.store.delete(Secret, { namespace, name }, byRest(context).writer, { uid });
    throw error;
  }
}

/** Leaves room for what tells the Secret from the Service. */
const MOST_OF_NAME = 36;

/** What the fields of the Service are called in the request. */
function fieldNames({ git }: TemplateService): Record<string, string> {
  const named = { 'spec.displayName': 'name', 'spec.region': 'region' };
  const [repository, branch] = [git?.repository, git?.branch].map((text) => text && onlyReference(text)?.key);
  return {
    ...named,
    ...(repository !== undefined && { 'spec.source.repository': `variables.${repository}` }),
    ...(branch !== undefined && { 'spec.source.branch': `variables.${branch}` }),
  };
}

/** Throws a 400 for what the kind would refuse, before anything is written. */
function requireValid(spec: object, fields: Readonly<Record<string, string>>): void {
  const read = validateManifest({ apiVersion: API_VERSION, kind: Service.kind, metadata: { name: 'trial' }, spec });
  if (read.ok) return;
  const problems: FieldProblem[] = read.problems.map(({ path, message }) => ({ path: fields[path] ?? path, message }));
  throw invalidFields(problems);
}
