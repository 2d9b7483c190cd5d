import { allKinds, type AnyKind } from '../../crds/kinds.ts';
import { API_VERSION, GROUP, VERSION } from '../../crds/meta.ts';

// What clients ask first: which groups, versions and resources there are.

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Kinds whose objects, or the guests they own, print something. */
export const kindsWithLog: ReadonlySet<string> = new Set(['Service', 'Build', 'Deployment', 'Guest']);

/** `GET /api`: a core group without versions. A version without resources is an error to kubectl. */
export const coreVersions = { kind: 'APIVersions', versions: [], serverAddressByClientCIDRs: [] };

/** `GET /api/v1`, for clients that ask without looking: there is nothing in it. */
export const coreResources = { kind: 'APIResourceList', groupVersion: 'v1', resources: [] };

const version = { groupVersion: API_VERSION, version: VERSION };
const group = { name: GROUP, versions: [version], preferredVersion: version };

/** `GET /apis`. */
export const groupList = { kind: 'APIGroupList', apiVersion: 'v1', groups: [group] };

/** `GET /apis/containr.dev`. */
export const apiGroup = { kind: 'APIGroup', apiVersion: 'v1', ...group };

/** `GET /apis/containr.dev/v1alpha1`. */
export const resourceList = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: API_VERSION,
  resources: allKinds.flatMap(resourcesOf),
};

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
  ];
}
