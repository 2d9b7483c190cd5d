import { allKinds, type AnyKind } from '../../crds/kinds.ts';
import { API_VERSION, GROUP, VERSION } from '../../crds/meta.ts';

// What clients ask first: which groups, versions and resources there are.

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Kinds whose objects, or the guests they own, print something. */
export const kindsWithLog: ReadonlySet<string> = new Set(['Service', 'Build', 'Deployment', 'Guest', 'Job']);

/** Kinds with a number of replicas that can be asked for by itself. */
export const kindsWithScale: ReadonlySet<string> = new Set(['Service']);

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** What an object of a kind has below its own address. */
export function subresourcesOf({ kind }: Pick<AnyKind, 'kind'>): string[] {
  return ['status', ...(kindsWithLog.has(kind) ? ['log'] : []), ...(kindsWithScale.has(kind) ? ['scale'] : [])];
}

/** `GET /api`: a core group without versions. A version without resources is an error to kubectl. */
export const coreVersions = { kind: 'APIVersions', versions: [], serverAddressByClientCIDRs: [] };

/** `GET /api/v1`, for clients that ask without looking: there is nothing in it. */
export const coreResources = { kind: 'APIResourceList', groupVersion: 'v1', resources: [] };

const version = { groupVersion: API_VERSION, version: VERSION };
const group = { name: GROUP, versions: [version], preferredVersion: version };

/** What somebody may ask about themselves, in groups of Kubernetes: answered, and not kept. */
export const reviews = [
  { group: 'authorization.k8s.io', plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview' },
  { group: 'authentication.k8s.io', plural: 'selfsubjectreviews', kind: 'SelfSubjectReview' },
] as const;
type Review = (typeof reviews)[number];

/** `GET /apis`. */
export const groupList = { kind: 'APIGroupList', apiVersion: 'v1', groups: [group, ...reviews.map(reviewGroup)] };

/** `GET /apis/containr.dev`. */
export const apiGroup = { kind: 'APIGroup', apiVersion: 'v1', ...group };

/** `GET /apis/containr.dev/v1alpha1`. */
export const resourceList = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: API_VERSION,
  resources: allKinds.flatMap(resourcesOf),
};

/** `GET /apis/GROUP` of a review. */
export function reviewApiGroup(review: Review): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...reviewGroup(review) };
}

/** `GET /apis/GROUP/v1` of a review. */
export function reviewResources({ group: name, plural, kind }: Review): object {
  const resource = { name: plural, singularName: kind.toLowerCase(), namespaced: false, kind, verbs: ['create'] };
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${name}/v1`, resources: [resource] };
}

function reviewGroup({ group: name }: Review): object {
  const only = { groupVersion: `${name}/v1`, version: 'v1' };
  return { name, versions: [only], preferredVersion: only };
}

function resourcesOf({ kind, plural, singular, shortNames, scope }: AnyKind): object[] {
  const namespaced = scope === 'Namespaced';
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs,
      ...(shortNames.length > 0 && { shortNames }),
      categories: ['containr'],
    },
    { name: `${plural}/status`, singularName: '', namespaced, kind, verbs: ['get', 'patch', 'update'] },
    ...(kindsWithLog.has(kind) ? [{ name: `${plural}/log`, singularName: '', namespaced, kind, verbs: ['get'] }] : []),
    ...(kindsWithScale.has(kind)
      ? [{ name: `${plural}/scale`, singularName: '', namespaced, ...scaleKind, verbs: ['get', 'patch', 'update'] }]
      : []),
  ];
}
