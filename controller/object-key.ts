import type { Kind, Resource } from '../crds/define-kind.ts';
import type { OwnerReference } from '../crds/meta.ts';
import type { ObjectKey } from './store/store.ts';

/** `namespace/name`, or the name alone for cluster-scoped kinds; for maps and logs. */
export function formatKey({ namespace, name }: ObjectKey): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function keyOf(object: Resource): ObjectKey {
  const { namespace, name } = object.metadata;
  return { namespace, name };
}

/** The one owner whose loop answers for this object. */
export function controllerOf(object: Pick<Resource, 'metadata'>): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** Where an owner of `kind` lies that a child refers to: beside the child, or nowhere in particular. */
export function ownerKey(kind: Pick<Kind, 'scope'>, owner: OwnerReference, child: Resource): ObjectKey {
  return { namespace: kind.scope === 'Cluster' ? undefined : child.metadata.namespace, name: owner.name };
}
