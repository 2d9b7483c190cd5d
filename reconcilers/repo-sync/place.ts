import type { Resource } from '../../crds/define-kind.ts';
import { allKinds, type AnyKind } from '../../crds/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../crds/meta.ts';
import type { RepoSync } from '../../crds/repo-sync.ts';
import { formatKey } from '../../controller/object-key.ts';
import type { ObjectKey } from '../../controller/store/store.ts';

/** What a repository may state within a project. The rest is made by loops, is an act that is done once, or is no project's. */
const projectKinds: ReadonlySet<string> = new Set(['Secret', 'Volume', 'Database', 'Service', 'RepoSync']);
/** What only the repository of administrators may state. */
const adminKinds: ReadonlySet<string> = new Set(['Project', 'ProxmoxCluster', 'Builder', 'Proxy', 'GitProvider']);
/** What of these belongs to the installation itself. */
const systemKinds: ReadonlySet<string> = new Set(['Secret', 'GitProvider', 'RepoSync']);

/** Every kind that some RepoSync may apply, in the order in which objects are applied. */
export const syncedKinds: readonly AnyKind[] = allKinds.filter(
  ({ kind }) => projectKinds.has(kind) || adminKinds.has(kind),
);

/** Only administrators can make a RepoSync there, so what it says counts as theirs. */
export function isOfAdministrators({ metadata }: Pick<Resource, 'metadata'>): boolean {
  return metadata.namespace === SYSTEM_NAMESPACE;
}

/** By which its fields are known. Two RepoSyncs of one name never share fields. */
export function managerOf(sync: RepoSync): string {
  const { name } = sync.metadata;
  return `reposync/${isOfAdministrators(sync) ? `${SYSTEM_NAMESPACE}/` : ''}${name}`;
}

/** The RepoSync that a manager stands for, on an object in `namespace`; undefined for another manager. */
export function syncOfManager(manager: string, namespace: string | undefined): ObjectKey | undefined {
  const [prefix, first, second, ...rest] = manager.split('/');
  if (prefix !== 'reposync' || first === undefined || first === '' || rest.length > 0) return undefined;
  if (second === undefined) return namespace === undefined ? undefined : { namespace, name: first };
  return first === SYSTEM_NAMESPACE ? { namespace: SYSTEM_NAMESPACE, name: second } : undefined;
}

/** Why a repository may not state an object of this kind there; undefined when it may. Pure. */
export function placeProblem(sync: RepoSync, kind: AnyKind, namespace: string | undefined): string | undefined {
  if (isOfAdministrators(sync)) {
    if (!projectKinds.has(kind.kind) && !adminKinds.has(kind.kind)) return notFromGit(kind);
    if (namespace === SYSTEM_NAMESPACE && !systemKinds.has(kind.kind))
      return `a ${kind.kind} needs a project: set metadata.namespace`;
    if (kind.kind === 'GitProvider' && namespace !== SYSTEM_NAMESPACE)
      return `a GitProvider lives in ${SYSTEM_NAMESPACE}`;
    return undefined;
  }
  if (adminKinds.has(kind.kind))
    return `a ${kind.kind} is for administrators: only a RepoSync in ${SYSTEM_NAMESPACE} may apply it`;
  if (!projectKinds.has(kind.kind)) return notFromGit(kind);
  const own = sync.metadata.namespace ?? '';
  return namespace === own
    ? undefined
    : `is in the project "${namespace ?? ''}", and this RepoSync may apply in "${own}" only`;
}

function notFromGit({ kind }: AnyKind): string {
  return `a ${kind} is not kept in Git: Containr makes it, or people do once. Remove it`;
}

/** `service shop/web`: for messages and maps. */
export function objectText(kind: string, key: ObjectKey): string {
  return `${kind} ${formatKey(key)}`;
}
