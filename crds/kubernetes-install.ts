import type { AnyKind } from './kinds.ts';
import { GROUP } from './meta.ts';

/** The kustomization that lists the definitions of `kinds`: `kubectl apply --server-side -k crds`. */
export function crdKustomization(kinds: readonly AnyKind[]): object {
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: kinds.map(({ plural }) => `${plural}.yaml`),
  };
}

/** What the controller may do in a Kubernetes API server: with objects of our kinds, and the namespaces that they are in. */
export function controllerRole(kinds: readonly AnyKind[]): object {
  const plurals = kinds.map(({ plural }) => plural);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'containr-controller', labels: { 'app.kubernetes.io/name': 'containr' } },
    rules: [
      { apiGroups: [GROUP], resources: plurals, verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'] },
      { apiGroups: [GROUP], resources: plurals.map((plural) => `${plural}/status`), verbs: ['update'] },
      // Where owner references are checked, who names an owner must be allowed to hold up its deletion.
      { apiGroups: [GROUP], resources: plurals.map((plural) => `${plural}/finalizers`), verbs: ['update'] },
      { apiGroups: [''], resources: ['namespaces'], verbs: ['create'] },
    ],
  };
}
