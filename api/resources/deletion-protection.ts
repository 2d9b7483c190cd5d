import type { Resource } from '../../crds/define-kind.ts';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Project } from '../../crds/project.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { Refused } from '../status.ts';

/** Throws 409 for a Database or Backup that is protected against deletion, and for a Project which holds one. */
export async function requireUnprotected(store: Pick<ResourceStore, 'list'>, object: Resource): Promise<void> {
  const { name, namespace } = object.metadata;
  if (object.kind === Database.kind && isProtected(Database.read(object))) {
    throw new Refused('Conflict', `The Database "${name}" in "${namespace}" is protected against deletion. ${HOW}`);
  }
  if (object.kind === Backup.kind && isKept(Backup.read(object))) {
    throw new Refused('Conflict', `The Backup "${name}" in "${namespace}" is protected. ${HOW_OF_BACKUPS}`);
  }
  if (object.kind !== Project.kind) return;
  const databases = (await store.list(Database, { namespace: name })).items.filter(isProtected);
  const backups = (await store.list(Backup, { namespace: name })).items.filter(isKept);
  const held = [
    ...(databases.length > 0 ? [`Database ${namesOf(databases)}. ${HOW}`] : []),
    ...(backups.length > 0 ? [`Backup ${namesOf(backups)}. ${HOW_OF_BACKUPS}`] : []),
  ];
  if (held.length === 0) return;
  throw new Refused('Conflict', `The project "${name}" holds what is protected against deletion: ${held.join(' ')}`);
}

const HOW = 'Set spec.deletionProtection to false first.';
const HOW_OF_BACKUPS = 'Set spec.protected to false first.';

function namesOf(objects: readonly Resource[]): string {
  return objects.map(({ metadata }) => `"${metadata.name}"`).join(', ');
}

function isKept({ spec, metadata }: Backup): boolean {
  return spec.protected && metadata.deletionTimestamp === undefined;
}

function isProtected({ spec, metadata }: Database): boolean {
  return spec.deletionProtection && metadata.deletionTimestamp === undefined;
}
