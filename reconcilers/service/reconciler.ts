import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { API_VERSION, SERVICE_LABEL } from '../../crds/meta.ts';
import { Service } from '../../crds/service.ts';
import { findCondition, setCondition } from '../../crds/condition.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { isFault } from '../../controller/errors.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, Reconciler, Resources } from '../../controller/reconciler.ts';
import { Guest } from '../../crds/guest.ts';
import { childName } from '../shared/child-name.ts';
import { controlledBy } from '../shared/owner.ts';
import { troubleOf } from '../shared/trouble.ts';
import { buildHashOf, planService } from './plan.ts';
import { reportService, type ServiceView } from './report.ts';

/** Turns what a Service says into revisions: a Build where the image changes, a Deployment for each. */
export function serviceReconciler({ read, write }: Resources): Reconciler<Service> {
  function observe(
    { metadata }: Service,
    status: Service['status'],
  ): ServiceView & { deployments: readonly Deployment[] } {
    const { namespace, uid } = metadata;
    const deployments = [...read.ownedBy(Deployment, uid)].sort((a, b) => b.spec.revision - a.spec.revision);
    const active = deployments.find((deployment) => deployment.status.promoted);
    return {
      deployments,
      active,
      latest: deployments.find((deployment) => deployment.metadata.name === status.latestDeployment),
      build: status.latestBuild === undefined ? undefined : read.get(Build, { namespace, name: status.latestBuild }),
      guests: active ? read.ownedBy(Guest, active.metadata.uid) : [],
    };
  }

  return {
    kind: Service,
    owns: [Build, Deployment],

    async reconcile(pass) {
      const view = observe(pass.resource, pass.status);
      pass.status = reportService(pass.resource, pass.status, view, pass.now);
      const plan = planService({
        service: pass.resource,
        status: pass.status,
        buildExists: view.build !== undefined,
        deploymentExists: view.latest !== undefined,
        deployments: view.deployments,
      });
      switch (plan.do) {
        case 'unsupported':
          return unsupported(pass, plan.message);
        case 'newRevision':
          return recordRevision(pass, view, plan.templateHash, plan.rebuild);
        case 'createBuild':
          await createBuild(pass);
          return waiting('Progressing', 'The image is being built.', 0);
        case 'createDeployment':
          await createDeployment(pass);
          return waiting('Progressing', 'The revision is being rolled out.', 0);
        case 'prune':
          for (const deployment of plan.deployments) await write.delete(Deployment, deployment);
          await pruneBuilds(
            pass.resource,
            view.deployments.filter((kept) => !plan.deployments.includes(kept)),
          );
          return waiting('Progressing', 'Old revisions are being forgotten.', 1_000);
        case 'nothing':
          return conclude(pass, view);
        default:
          return plan satisfies never;
      }
    },

    async finalize(pass) {
      const { uid } = pass.resource.metadata;
      const deployments = read.ownedBy(Deployment, uid);
      for (const deployment of deployments) await deleteOnce(Deployment, deployment);
      if (deployments.length > 0)
        return waiting('WaitingForChildren', leaving(deployments, 'Waiting for the revisions to go.'), 15_000);
      const builds = read.ownedBy(Build, uid);
      for (const build of builds) await deleteOnce(Build, build);
      return builds.length > 0
        ? waiting('WaitingForChildren', leaving(builds, 'Waiting for the builds to go.'), 15_000)
        : settled();
    },
  };

  /** The numbers and names are saved first: after a crash the same objects are made, not a second set. */
  async function recordRevision(
    pass: Pass<Service>,
    view: ServiceView,
    templateHash: string,
    rebuild: boolean,
  ): Promise<Outcome> {
    const { name } = pass.resource.metadata;
    const revision = pass.status.latestRevision + 1;
    pass.status = {
      ...pass.status,
      latestRevision: revision,
      templateHash,
      latestDeployment: childName(name, `r${revision}`),
      ...(rebuild && { latestBuild: childName(name, `b${revision}`), buildHash: buildHashOf(pass.resource.spec) }),
    };
    // From here on the revision before is not what was asked for: who waits for Ready must not be told of the old one.
    pass.status = reportService(pass.resource, pass.status, { ...view, latest: undefined }, pass.now);
    await pass.checkpoint();
    pass.event('Normal', 'RevisionCreated', `Revision ${revision} was recorded.`);
    return waiting('Progressing', `Revision ${revision} is being rolled out.`, 0);
  }

  async function createBuild(pass: Pass<Service>): Promise<void> {
    const { metadata, spec } = pass.resource;
    const { startCommand: _, ...settings } = spec.build;
    await write.create(Build, {
      apiVersion: API_VERSION,
      kind: Build.kind,
      metadata: childMeta(pass.resource, pass.status.latestBuild ?? ''),
      spec: Build.specSchema.parse({ service: metadata.name, source: spec.source, settings, region: spec.region }),
    });
  }

  async function createDeployment(pass: Pass<Service>): Promise<void> {
    const { metadata, spec } = pass.resource;
    const { runtime, region, resources, ports, env, healthCheck, volumes, build, rollout } = spec;
    await write.create(Deployment, {
      apiVersion: API_VERSION,
      kind: Deployment.kind,
      metadata: childMeta(pass.resource, pass.status.latestDeployment ?? ''),
      spec: Deployment.specSchema.parse({
        service: metadata.name,
        revision: pass.status.latestRevision,
        build: pass.status.latestBuild,
        template: {
          runtime,
          region,
          resources,
          ports,
          env,
          healthCheck,
          volumes,
          startCommand: build.startCommand,
          rollout,
        },
        trigger: pass.status.latestRevision === 1 ? 'created' : 'spec',
      }),
    });
  }

  /** Builds that no kept revision was made from. */
  async function pruneBuilds({ metadata }: Service, kept: readonly Deployment[]): Promise<void> {
    const needed = new Set(kept.map(({ spec }) => spec.build));
    for (const build of read.ownedBy(Build, metadata.uid))
      if (!needed.has(build.metadata.name)) await deleteOnce(Build, build);
  }

  async function deleteOnce<R extends Build | Deployment>(
    kind: Parameters<typeof write.delete<R>>[0],
    object: R,
  ): Promise<void> {
    if (object.metadata.deletionTimestamp !== undefined) return;
    await write.delete(kind, object).catch((error: unknown) => {
      if (!isFault(error, 'NotFound')) throw error;
    });
  }
}

function childMeta(
  service: Service,
  name: string,
): {
  name: string;
  namespace: string | undefined;
  labels: Record<string, string>;
  ownerReferences: ReturnType<typeof controlledBy>[];
} {
  const { namespace, name: serviceName } = service.metadata;
  return { name, namespace, labels: { [SERVICE_LABEL]: serviceName }, ownerReferences: [controlledBy(service)] };
}

/** What keeps something from going, in its own words. */
function leaving(children: readonly Resource[], usual: string): string {
  const words = children.map(({ status }) => findCondition(status.conditions, 'Reconciling'));
  const held = words.find((condition) => condition?.status === 'True' && condition.reason === 'WaitingForChildren');
  const trouble = children.map(troubleOf).find((found) => found !== undefined);
  return trouble?.message ?? held?.message ?? usual;
}

function unsupported(pass: Pass<Service>, message: string): Outcome {
  pass.status.conditions = setCondition(
    pass.status.conditions,
    { type: 'Ready', status: 'False', reason: 'UnsupportedSpec', message },
    { generation: pass.resource.metadata.generation, now: pass.now },
  );
  return stalled('UnsupportedSpec', message);
}

function conclude(pass: Pass<Service>, { latest, build }: ServiceView): Outcome {
  const ready = pass.status.conditions.find(({ type }) => type === 'Ready');
  if (latest?.status.phase === 'Failed')
    return stalled('DeploymentFailed', ready?.message ?? 'The newest revision failed.');
  const held = build?.status.conditions.find(({ type, status }) => type === 'Stalled' && status === 'True');
  if (held && build?.status.phase !== 'Succeeded') return stalled(held.reason, held.message);
  if (ready?.status === 'True' || ready?.reason === 'Suspended') return settled();
  if (ready?.reason === 'Degraded') return waiting('Degraded', ready.message, 60_000);
  return waiting('Progressing', ready?.message ?? 'The newest revision is being rolled out.', 30_000);
}
