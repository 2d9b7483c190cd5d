import { createHash } from 'node:crypto';
import { Database } from '../../../crds/database.ts';
import { Project } from '../../../crds/project.ts';
import { isFault } from '../../../controller/errors.ts';
import type { Identity } from '../../../controller/access/token-store.ts';
import { decide } from '../../auth/permissions.ts';
import { isCalled, principalOf } from '../../auth/principal.ts';
import type { ApiContext } from '../../context.ts';
import { Refused } from '../../status.ts';
import { nameFrom } from '../name-from.ts';
import type { RestDeps } from '../rest-deps.ts';
import { RestError } from '../rest-error.ts';
import { createObject } from '../write-object.ts';

/** So many names are tried, for somebody else may have a project of that name. */
const TRIES = 8;

/**
 * The namespace in which somebody's databases are made when the contract has no field for the project: a project of their
 * own, which is made on first use. Its name says whose it is, and is the same every time.
 */
export async function defaultProject(context: ApiContext, deps: RestDeps): Promise<string> {
  const identity = context.get('identity');
  const decision = decide(identity, 'owner', { verb: 'create', kind: Database.kind });
  if (decision.type === 'deny') throw new Refused('Forbidden', decision.message);

  const mark = createHash('sha256').update(principalOf(identity).id).digest('hex').slice(0, 8);
  const base = `${nameFrom(identity.user, 'user').slice(0, 24).replace(/-+$/, '')}-${mark}`;
  for (let tried = 1; tried <= TRIES; tried += 1) {
    const name = tried === 1 ? base : `${base}-${tried}`;
    const project = (await deps.store.get(Project, { name })) ?? (await makeProject(context, deps, name));
    if (isUsable(identity, project)) return name;
  }
  throw new RestError(
    'conflict',
    `There is no project for your databases, and ${base} cannot be made. Ask an administrator.`,
  );
}

async function makeProject(context: ApiContext, deps: RestDeps, name: string): Promise<Project> {
  const { user } = context.get('identity');
  const spec = {
    displayName: `Default project of ${user}`.slice(0, 128),
    description: 'Made for what is created without naming a project, such as databases over the REST API.',
    members: [{ user, role: 'owner' }],
  };
  try {
    return await createObject(context, deps, Project, { name, spec });
  } catch (error) {
    // Made by a request of the same moment.
    const made = isFault(error, 'AlreadyExists') ? await deps.store.get(Project, { name }) : undefined;
    if (!made) throw error;
    return made;
  }
}

/** A project of this name in which the asker may not write is somebody else's. */
function isUsable(identity: Identity, { metadata, spec }: Project): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return spec.members.some(({ user, role }) => role !== 'viewer' && isCalled(identity, user));
}
