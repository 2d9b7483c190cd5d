import { z } from 'zod';
import type { Manifest, Resource } from '../../crds/define-kind.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import { Deployment } from '../../crds/deployment.ts';
import { SERVICE_LABEL, SYSTEM_NAMESPACE, type OwnerReference } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { describeProblems, validateManifest } from '../../crds/validate.ts';
import type { FieldProblem } from '../../controller/errors.ts';
import { sameJson } from '../../controller/same-json.ts';
import type { SecretBox } from '../../controller/secrets/secret-box.ts';
import { describeObject } from '../../controller/store/refusals.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import type { Identity } from '../../controller/access/token-store.ts';
import { fieldOf } from '../../controller/json.ts';
import { causesOf, Refused } from '../status.ts';
import { secretProblems, sealValues, withoutAppliedValues } from '../../controller/secrets/seal-secret.ts';

/** Something that is to be written. */
export interface AdmissionRequest {
  kind: AnyKind;
  /** From the address of the request; undefined for kinds that are in no project. */
  namespace: string | undefined;
  /** From the address of the request; undefined where the object itself brings its name. */
  name: string | undefined;
  raw: unknown;
  /** What is stored under the name. */
  existing: Resource | undefined;
  identity: Identity;
  /** What the server itself wants it to go with; people who are no administrators cannot say so. */
  owners?: readonly OwnerReference[] | undefined;
}

/**
 * Makes of what somebody wrote what the store may keep: complete, allowed, and without a secret in it. Throws Refused, naming
 * each field. What does not change after creation is the store's to hold.
 */
export type Admit = (request: AdmissionRequest) => Promise<Manifest>;

interface AdmissionOptions {
  store: Pick<ResourceStore, 'get'>;
  secrets: SecretBox;
}

export function createAdmission({ store, secrets }: AdmissionOptions): Admit {
  return async (request) => {
    const manifest = readManifest(request);
    if (!request.existing) await requireProject(store, request);
    guardPlace(request, manifest);
    const owners = request.owners ?? (await ownersOfRevision(store, request, manifest));
    const guarded = guardMetadata({ ...request, owners }, manifest);
    guardProject(request, guarded);
    return request.kind.kind === Secret.kind ? sealSecret(secrets, request, guarded) : guarded;
  };
}

/** The manifest with the name and namespace of the request, whichever of the two states them. */
function readManifest({ kind, namespace, name, raw }: AdmissionRequest): Manifest {
  const validated = validateManifest(raw);
  if (!validated.ok) throw invalid(kind, namespace, name ?? nameIn(raw), validated.problems);
  const { manifest } = validated;
  if (validated.kind.kind !== kind.kind) {
    throw new Refused('BadRequest', `The body is a ${validated.kind.kind}, but the address is that of ${kind.plural}.`);
  }
  const { metadata } = manifest;
  if (name !== undefined && metadata.name !== name) throw mismatch('name', metadata.name, name);
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw mismatch('namespace', metadata.namespace, namespace ?? '');
  }
  return { ...manifest, metadata: { ...metadata, ...(namespace !== undefined && { namespace }) } };
}

function nameIn(raw: unknown): string {
  const name = fieldOf(fieldOf(raw, 'metadata'), 'name');
  return typeof name === 'string' ? name : '';
}

function mismatch(what: string, written: string, asked: string): Refused {
  return new Refused('BadRequest', `metadata.${what} is "${written}", but the address of the request says "${asked}".`);
}

/** A 422 that names each field. */
export function invalid(
  { kind }: AnyKind,
  namespace: string | undefined,
  name: string,
  problems: readonly FieldProblem[],
): Refused {
  const what = describeObject(kind, { namespace, name });
  return new Refused('Invalid', `${what} is not valid: ${describeProblems(problems)}`, {
    name,
    kind,
    causes: causesOf(problems),
  });
}

async function requireProject(
  store: Pick<ResourceStore, 'get'>,
  { namespace, identity }: AdmissionRequest,
): Promise<void> {
  if (namespace === undefined || namespace === SYSTEM_NAMESPACE) return;
  const project = await store.get(Project, { name: namespace });
  if (!project) {
    const how = identity.admin ? 'Create it first: kind Project' : 'Ask an administrator to create it: kind Project';
    throw new Refused('NotFound', `There is no project "${namespace}". ${how}, metadata.name ${namespace}.`);
  }
  if (project.metadata.deletionTimestamp !== undefined) {
    throw new Refused('Conflict', `The project "${namespace}" is being deleted; nothing new can be made in it.`);
  }
}

/** What may belong to the installation itself, instead of to a project. */
const systemKinds = new Set(['Secret', 'Event', 'GitProvider', 'RepoSync']);

function guardPlace({ kind, namespace, existing }: AdmissionRequest, { metadata: { name } }: Manifest): void {
  if (existing) return;
  if (namespace === SYSTEM_NAMESPACE && !systemKinds.has(kind.kind)) {
    const message = `only Secrets and Git accounts of the installation itself live in ${SYSTEM_NAMESPACE}; use a project of your own`;
    throw invalid(kind, namespace, name, [{ path: 'metadata.namespace', message }]);
  }
  if (kind.kind === Project.kind && name === SYSTEM_NAMESPACE) {
    throw invalid(kind, namespace, name, [
      { path: 'metadata.name', message: 'belongs to the installation itself; choose another' },
    ]);
  }
}

/** So many may be made before the Service has seen the first of them. A leap would leave no number to whoever comes next. */
const MOST_AHEAD = 1_000;

/** A revision belongs to its Service from the first moment on, whoever makes it. */
async function ownersOfRevision(
  store: Pick<ResourceStore, 'get'>,
  { kind, namespace, existing }: AdmissionRequest,
  { metadata: { name }, spec }: Manifest,
): Promise<readonly OwnerReference[] | undefined> {
  if (kind.kind !== Deployment.kind || existing) return undefined;
  const { service: of, revision } = Deployment.specSchema.parse(spec);
  const service = await store.get(Service, { namespace, name: of });
  if (!service)
    throw invalid(kind, namespace, name, [{ path: 'spec.service', message: 'must name a Service of the project' }]);
  const { latestRevision } = service.status;
  if (revision <= latestRevision + MOST_AHEAD) return [controlling(service)];
  const message = `must go on from the newest revision, which is ${latestRevision}: at most ${latestRevision + MOST_AHEAD}`;
  throw invalid(kind, namespace, name, [{ path: 'spec.revision', message }]);
}

function controlling({ apiVersion, kind, metadata: { name, uid } }: Resource): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

const MOST_ANNOTATIONS = 256 * 2 ** 10;

/**
 * Labels and annotations become what is written. Finalizers and owner references stay when they are left out; only
 * administrators change them, because cleaning up and cascading deletion hang on them. The rest is the server's.
 */
function guardMetadata(
  { kind, namespace, existing, identity, owners: given }: AdmissionRequest,
  manifest: Manifest,
): Manifest {
  const { name, annotations = {}, finalizers, ownerReferences, resourceVersion } = manifest.metadata;
  const before = existing?.metadata;
  const own: Record<string, string> =
    kind.kind === Secret.kind ? withoutAppliedValues(annotations) : { ...annotations };
  const size = Object.entries(own).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (size > MOST_ANNOTATIONS) {
    throw invalid(kind, namespace, name, [
      { path: 'metadata.annotations', message: 'must be at most 256 KiB altogether' },
    ]);
  }
  if (!identity.admin) {
    const usual = before?.finalizers ?? (kind.finalizer === undefined ? [] : [kind.finalizer]);
    if (finalizers && finalizers.some((finalizer) => !usual.includes(finalizer)))
      throw adminField('metadata.finalizers');
    if (before && finalizers && usual.some((finalizer) => !finalizers.includes(finalizer)))
      throw adminField('metadata.finalizers');
    if (ownerReferences && !sameJson(ownerReferences, given ?? before?.ownerReferences ?? []))
      throw adminField('metadata.ownerReferences');
  }
  const kept = finalizers ?? before?.finalizers;
  const owners = given ? [...given] : (ownerReferences ?? before?.ownerReferences);
  const labels = labelsOf(kind, manifest);
  return {
    ...manifest,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
      annotations: own,
      ...(kept && { finalizers: kept }),
      ...(owners && { ownerReferences: owners }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
  };
}

/** Revisions are found by the Service that they are of. */
function labelsOf({ kind }: AnyKind, { metadata: { labels }, spec }: Manifest): Record<string, string> | undefined {
  if (kind !== Deployment.kind) return labels;
  return { ...labels, [SERVICE_LABEL]: Deployment.specSchema.parse(spec).service };
}

function adminField(path: string): Refused {
  return new Refused('Forbidden', `Only administrators may change ${path}.`, {
    causes: causesOf([{ path, message: 'may be changed by administrators only' }]),
  });
}

const Guarded = z.object({ quota: z.unknown(), network: z.unknown() });

/** What limits a project is not for its own members to change. */
function guardProject({ kind, existing, identity }: AdmissionRequest, { spec }: Manifest): void {
  if (kind.kind !== Project.kind || identity.admin) return;
  const [before, after] = [Guarded.parse(existing?.spec ?? Project.specSchema.parse({})), Guarded.parse(spec)];
  if (!sameJson(before.quota, after.quota)) throw adminField('spec.quota');
  if (!sameJson(before.network, after.network)) throw adminField('spec.network');
}

function sealSecret(
  box: SecretBox,
  { raw, existing, namespace = '', kind }: AdmissionRequest,
  manifest: Manifest,
): Manifest {
  const { name } = manifest.metadata;
  const spec = Secret.specSchema.parse(manifest.spec);
  const stored = existing ? Secret.specSchema.parse(existing.spec).data : {};
  const problems = secretProblems(spec);
  if (problems.length > 0) throw invalid(kind, namespace, name, problems);
  // Whoever reads a Secret gets no data; sending it back as it was read must not wipe the values.
  const stated = fieldOf(fieldOf(raw, 'spec'), 'data') !== undefined;
  const data = stated ? sealValues(box, { namespace, name }, spec.data, stored) : without(stored, spec.sealed);
  return { ...manifest, spec: { ...spec, data } };
}

/** What is sealed from now on takes the place of what was written as it is. */
function without(data: Readonly<Record<string, string>>, sealed: object = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(data).filter(([key]) => !Object.hasOwn(sealed, key)));
}
