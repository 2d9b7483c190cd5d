import { SYSTEM_NAMESPACE, type ObjectMeta } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import type { ApiContext } from '../context.ts';
import { respond } from '../respond.ts';
import type { ResourceDeps } from './deps.ts';
import { findObject } from './read.ts';

/**
 * Answers a project as a Namespace of Kubernetes: kubectl asks for it to tell "no such object" from "no such namespace".
 */
export async function getNamespace(context: ApiContext, deps: ResourceDeps, name: string): Promise<Response> {
  await deps.authorizer.check(context.get('identity'), { verb: 'get', kind: Project.kind, name });
  // It has no Project, and only administrators come as far as this.
  if (name === SYSTEM_NAMESPACE) return respond(context, namespaceObject({ name }));
  const project = await findObject(deps.store, { kind: Project, namespace: undefined, name, subresource: undefined });
  const { uid, resourceVersion, creationTimestamp, labels, deletionTimestamp } = project.metadata;
  return respond(
    context,
    namespaceObject({ name, uid, resourceVersion, creationTimestamp, labels, deletionTimestamp }),
  );
}

function namespaceObject(metadata: Partial<ObjectMeta>): object {
  const phase = metadata.deletionTimestamp === undefined ? 'Active' : 'Terminating';
  return { kind: 'Namespace', apiVersion: 'v1', metadata, status: { phase } };
}
