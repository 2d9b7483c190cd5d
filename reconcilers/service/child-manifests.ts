import { Build } from '../../crds/build.ts';
import type { Manifest } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Job } from '../../crds/job.ts';
import { API_VERSION, GROUP, SERVICE_LABEL } from '../../crds/meta.ts';
import { Route } from '../../crds/route.ts';
import { templateOf } from '../../crds/service-template.ts';
import type { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import type { Artifact } from '../../crds/workload.ts';
import { childName } from '../shared/child-name.ts';
import { controlledBy } from '../shared/owner.ts';
import { buildHashOf, templateHashOf } from './hashes.ts';

/** On revisions that this loop made from the spec of the Service: digests of what they were made from. */
export const TEMPLATE_HASH = `${GROUP}/template-hash`;
export const BUILD_HASH = `${GROUP}/build-hash`;

/** A scheduled run may take as long as this. */
const RUN_DEADLINE = '24h';

/** The revision that the spec asks for. Pure. */
export function revisionOfSpec(
  service: Service,
  revision: number,
  build: string | undefined,
): Manifest<Deployment['spec']> {
  const { name } = service.metadata;
  return {
    apiVersion: API_VERSION,
    kind: Deployment.kind,
    metadata: {
      ...childMeta(service, childName(name, `r${revision}`)),
      annotations: {
        [TEMPLATE_HASH]: templateHashOf(service.spec),
        [BUILD_HASH]: buildHashOf(service.spec),
      },
    },
    spec: Deployment.specSchema.parse({
      service: name,
      revision,
      build: build ?? childName(name, `b${revision}`),
      source: service.spec.source,
      template: templateOf(service.spec),
      trigger: revision === 1 ? 'created' : 'spec',
    }),
  };
}

/** The revision of a commit that is new on the branch that the spec follows. Pure. */
export function revisionOfCommit(service: Service, revision: number, commit: string): Manifest<Deployment['spec']> {
  const made = revisionOfSpec(service, revision, undefined);
  return { ...made, spec: { ...made.spec, source: { ...service.spec.source, commit }, trigger: 'push' } };
}

/** The same revision once more, for guests that see what references have come to now. A rollback stays one. Pure. */
export function revisionOnceMore(
  service: Service,
  revision: number,
  { metadata, spec }: Deployment,
): Manifest<Deployment['spec']> {
  const { [TEMPLATE_HASH]: templateHash, [BUILD_HASH]: buildHash } = metadata.annotations ?? {};
  const meta = childMeta(service, childName(service.metadata.name, `r${revision}`));
  const isOurs = templateHash !== undefined && buildHash !== undefined;
  return {
    apiVersion: API_VERSION,
    kind: Deployment.kind,
    metadata: isOurs ? { ...meta, annotations: { [TEMPLATE_HASH]: templateHash, [BUILD_HASH]: buildHash } } : meta,
    spec: { ...spec, revision, trigger: 'references' },
  };
}

/** What a revision's image is built by. Pure. */
export function buildOf(service: Service, { spec }: Deployment): Manifest<Build['spec']> {
  const { startCommand: _, ...settings } = service.spec.build;
  return {
    apiVersion: API_VERSION,
    kind: Build.kind,
    metadata: childMeta(service, spec.build),
    spec: Build.specSchema.parse({
      service: service.metadata.name,
      source: spec.source ?? service.spec.source,
      settings,
      region: spec.template.region,
    }),
  };
}

/** The way to a web service with ports; undefined for what has none. Pure. */
export function routeOf(service: Service): Manifest<Route['spec']> | undefined {
  const { type, ports, domains, rollout } = service.spec;
  const [port] = ports;
  if (type !== 'web' || port === undefined) return undefined;
  return {
    apiVersion: API_VERSION,
    kind: Route.kind,
    metadata: childMeta(service, service.metadata.name),
    spec: Route.specSchema.parse({
      service: service.metadata.name,
      domains,
      port: port.port,
      drain: rollout.drain,
    }),
  };
}

/** What a volume of a service is called. */
export function volumeName(service: string, volume: string): string {
  return childName(service, volume);
}

/** A volume that the service asks for. Pure. */
export function volumeOf(
  service: Service,
  { name, size, retain }: Service['spec']['volumes'][number],
): Manifest<Volume['spec']> {
  return {
    apiVersion: API_VERSION,
    kind: Volume.kind,
    metadata: childMeta(service, volumeName(service.metadata.name, name)),
    spec: Volume.specSchema.parse({ size, retain, region: service.spec.region }),
  };
}

/** The run that was due at a time. Its name says when, so that the same one is never made twice. Pure. */
export function runOf(
  service: Service,
  { metadata, spec }: Deployment,
  artifact: Artifact,
  dueAt: Date,
): Manifest<Job['spec']> {
  return {
    apiVersion: API_VERSION,
    kind: Job.kind,
    metadata: childMeta(service, runName(service.metadata.name, dueAt)),
    spec: Job.specSchema.parse({
      service: service.metadata.name,
      deployment: metadata.name,
      artifact,
      template: spec.template,
      trigger: 'schedule',
      scheduledAt: dueAt.toISOString(),
      deadline: RUN_DEADLINE,
    }),
  };
}

/** The name that the run of a time has: the minute, counted. */
function runName(service: string, dueAt: Date): string {
  return childName(service, String(Math.floor(dueAt.getTime() / 60_000)));
}

function childMeta(service: Service, name: string): Manifest['metadata'] {
  const { namespace, name: serviceName } = service.metadata;
  return { name, namespace, labels: { [SERVICE_LABEL]: serviceName }, ownerReferences: [controlledBy(service)] };
}
