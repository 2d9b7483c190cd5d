import { z } from 'zod';
import { Build } from '../../crds/build.ts';
import { Deployment, type DeploymentTemplate } from '../../crds/deployment.ts';
import { EnvName, EnvText, SingleLine } from '../../crds/names.ts';
import { templateOf } from '../../crds/service-template.ts';
import { Service } from '../../crds/service.ts';
import { CommitId, GitRef } from '../../crds/workload.ts';
import type { ApiContext } from '../context.ts';
import { answer } from './answer.ts';
import { deploymentLogTexts } from './deployment-logs.ts';
import { deploymentView } from './deployment-view.ts';
import { findObject } from './find-object.ts';
import { readJson } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { invalidFields, RestError } from './rest-error.ts';
import { createRevision, revisionsOf, serviceIdOf } from './revisions.ts';

const CreateDeployment = z.strictObject({
  commit_hash: CommitId.optional(),
  branch: GitRef.optional(),
  trigger: SingleLine.min(1).max(128).default('manual'),
  env_vars: z.record(EnvName, EnvText).default({}),
});
type CreateDeployment = z.output<typeof CreateDeployment>;

const fields = {
  'spec.trigger': 'trigger',
  'spec.template.env': 'env_vars',
  'spec.source.commit': 'commit_hash',
  'spec.source.branch': 'branch',
};

/**
 * The tag Deployments. A commit, a branch or the trigger `webhook` builds anew; without them the image of the newest
 * deployment is rolled out once more, with what the service says now.
 */
export function mountDeployments(app: RestApp, deps: RestDeps): void {
  app.get('/services/:id/deployments', async (context) => {
    const service = await findObject(context, deps, Service, { id: context.req.param('id') });
    const builds = await deps.store.list(Build, { namespace: service.metadata.namespace });
    const byName = new Map(builds.items.map((build) => [build.metadata.name, build]));
    const deployments = await revisionsOf(deps, service);
    return answer(context, { deployments: deployments.map((one) => deploymentView(one, byName.get(one.spec.build))) });
  });
  app.post('/services/:id/deployments', (context) => createDeployment(context, deps, context.req.param('id')));
  app.get('/deployments/:id', async (context) => {
    const deployment = await findObject(context, deps, Deployment, { id: context.req.param('id') });
    const build = await buildOf(deps, deployment);
    const texts = await deploymentLogTexts(deps, deployment, build);
    return answer(context, { deployment: { ...deploymentView(deployment, build), ...texts } }, { object: deployment });
  });
  app.post('/deployments/:id/rollback', (context) => rollBack(context, deps, context.req.param('id')));
}

async function createDeployment(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const service = await findObject(context, deps, Service, { id });
  await mayDeploy(context, deps, service);
  const asked = await readJson(context, CreateDeployment, {});
  const revisions = await revisionsOf(deps, service);
  const again = isNewBuild(asked) ? undefined : await usableAgain(deps, revisions[0]);
  const source = again ? again.spec.source : sourceFor(service, asked);
  const base = again?.spec.rollbackOf === undefined ? templateOf(service.spec) : again.spec.template;
  const spec = {
    source,
    template: { ...base, env: withOverrides(base.env, asked.env_vars) },
    trigger: asked.trigger,
    rollbackOf: again?.spec.rollbackOf,
  };
  const made = await createRevision(context, deps, service, { revisions, build: again?.spec.build, spec }, fields);
  return answer(context, deploymentView(made, await buildOf(deps, made)), { code: 201, object: made });
}

async function mayDeploy(context: ApiContext, { authorizer }: RestDeps, { metadata }: Service): Promise<void> {
  const { namespace } = metadata;
  await authorizer.check(context.get('identity'), { verb: 'create', kind: Deployment.kind, namespace });
}

function isNewBuild({ commit_hash, branch, trigger }: CreateDeployment): boolean {
  return commit_hash !== undefined || branch !== undefined || trigger === 'webhook';
}

/** The newest revision, unless its build came to nothing: then building again is what helps. */
async function usableAgain(deps: RestDeps, newest: Deployment | undefined): Promise<Deployment | undefined> {
  const phase = newest && (await buildOf(deps, newest))?.status.phase;
  return phase === 'Failed' || phase === 'Cancelled' ? undefined : newest;
}

function sourceFor({ spec }: Service, { commit_hash, branch }: CreateDeployment): Service['spec']['source'] {
  if (spec.source.type === 'image' && (commit_hash !== undefined || branch !== undefined)) {
    const path = commit_hash === undefined ? 'branch' : 'commit_hash';
    throw invalidFields([{ path, message: 'cannot be chosen: the service runs an image, not a repository' }]);
  }
  const { commit, ...source } = spec.source;
  // A commit that the service is held to says nothing about another branch.
  const kept = branch === undefined ? commit : undefined;
  return {
    ...source,
    ...(branch !== undefined && { branch }),
    ...((commit_hash ?? kept) !== undefined && { commit: commit_hash ?? kept }),
  };
}

function withOverrides(env: DeploymentTemplate['env'], overrides: Record<string, string>): DeploymentTemplate['env'] {
  const kept = env.filter(({ name }) => !Object.hasOwn(overrides, name));
  return [...kept, ...Object.entries(overrides).map(([name, value]) => ({ name, value }))];
}

async function rollBack(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const target = await findObject(context, deps, Deployment, { id });
  const service = await findObject(context, deps, Service, { id: serviceIdOf(target) ?? '' });
  await mayDeploy(context, deps, service);
  const [build, revisions] = await Promise.all([buildOf(deps, target), revisionsOf(deps, service)]);
  const hindrance = whyNotBackTo(target, build, revisions);
  if (hindrance !== undefined) throw new RestError('conflict', hindrance);
  const { template, build: name, source } = target.spec;
  const spec = { template, source, trigger: 'rollback', rollbackOf: target.metadata.name };
  const made = await createRevision(context, deps, service, { revisions, build: name, spec });
  const message = `Going back to revision ${target.spec.revision}, as revision ${made.spec.revision}.`;
  return answer(context, { deployment: deploymentView(made, build), message }, { code: 201, object: made });
}

/** What keeps an earlier revision from being rolled out again. */
function whyNotBackTo(
  { metadata, spec, status }: Deployment,
  build: Build | undefined,
  revisions: readonly Deployment[],
): string | undefined {
  const what = `revision ${spec.revision}`;
  if (revisions[0]?.metadata.uid === metadata.uid) {
    return `There is nothing to go back to: ${what} is the newest deployment already.`;
  }
  const phase = build?.status.phase;
  if (phase === 'Failed') return `There is no image of ${what}: its build failed.`;
  if (phase === 'Cancelled') return `There is no image of ${what}: its build was cancelled.`;
  if (build && phase !== 'Succeeded')
    return `The image of ${what} is still being built; go back to it when it is done.`;
  const kept = build?.metadata.deletionTimestamp === undefined && (build?.status.artifact ?? status.artifact);
  return build && kept ? undefined : `The image of ${what} is no longer kept; deploy its commit anew.`;
}

async function buildOf({ store }: RestDeps, { metadata, spec }: Deployment): Promise<Build | undefined> {
  return store.get(Build, { namespace: metadata.namespace, name: spec.build });
}
