import type { Resource } from '../../crds/define-kind.ts';
import { Database } from '../../crds/database.ts';
import { Project } from '../../crds/project.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { Refused } from '../status.ts';

/** Throws 409 for a Database that is protected against deletion, and for a Project which holds one. */
export async function requireUnprotected(store: Pick<ResourceStore, 'list'>, object: Resource): Promise<void> {
  const { name, namespace } = object.metadata;
  if (object.kind === Database.kind && isProtected(Database.read(object))) {
    throw new Refused('Conflict', `The Database "${name}" in "${namespace}" is protected against deletion. ${HOW}`);
  }
  if (object.kind !== Project.kind) return;
  const held = (await store.list(Database, { namespace: name })).items.filter(isProtected);
  if (held.length === 0) return;
  const names = held.map(({ metadata }) => `"${metadata.name}"`).join(', ');
  throw new Refused(
    'Conflict',
    `The project "${name}" holds what is protected against deletion: Database ${names}. ${HOW}`,
  );
}

const HOW = 'Set spec.deletionProtection to false first.';

function isProtected({ spec, metadata }: Database): boolean {
  return spec.deletionProtection && metadata.deletionTimestamp === undefined;
}
