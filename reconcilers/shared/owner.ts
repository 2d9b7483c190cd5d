import type { Resource } from '../../crds/define-kind.ts';
import type { OwnerReference } from '../../crds/meta.ts';

/** A reference that makes `owner` the controller of a child: the child's changes wake it, and the child goes with it. */
export function controlledBy(owner: Resource): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}
