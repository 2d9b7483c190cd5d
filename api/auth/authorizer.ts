import { SYSTEM_NAMESPACE } from '../../crds/meta.ts';
import { Project, Role } from '../../crds/project.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { notFound } from '../../controller/store/refusals.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import { Refused } from '../status.ts';
import type { Identity } from '../../controller/access/token-store.ts';
import { isCalled } from './principal.ts';
import { decide, isForMembers, type Action, type Verb } from './permissions.ts';

/** What somebody wants to do, and where. */
export interface Asked {
  verb: Verb;
  kind: string;
  subresource?: string | undefined;
  namespace?: string | undefined;
  name?: string | undefined;
}

/** Which objects of a list or watch over all projects somebody may see. */
export interface Visibility {
  /** True when nothing has to be left out. */
  readonly all: boolean;
  sees(object: Resource): boolean;
  /** Whether it is what it was: false once the memberships changed. */
  holds(): Promise<boolean>;
}

/** Decides by the members of projects, as they are stored now. */
export interface Authorizer {
  /** Throws Forbidden, or NotFound for what the asker may not know of. Over all projects, lists and watches are for everybody. */
  check(identity: Identity, asked: Asked): Promise<void>;
  visibility(identity: Identity, asked: Asked): Promise<Visibility>;
}

const everything: Visibility = { all: true, sees: () => true, holds: () => Promise.resolve(true) };

export function createAuthorizer(store: Pick<ResourceStore, 'get' | 'list'>): Authorizer {
  async function roleIn(identity: Identity, project: string | undefined): Promise<Role | undefined> {
    if (project === undefined || project === SYSTEM_NAMESPACE) return undefined;
    const found = await store.get(Project, { name: project });
    return found && roleOf(identity, found);
  }

  async function rolesOf(identity: Identity): Promise<Map<string, Role>> {
    const roles = new Map<string, Role>();
    for (const project of (await store.list(Project)).items) {
      const role = roleOf(identity, project);
      if (role !== undefined) roles.set(project.metadata.name, role);
    }
    return roles;
  }

  return {
    async check(identity, asked) {
      if (isOverAll(asked)) return;
      const project = asked.kind === Project.kind ? asked.name : asked.namespace;
      const role = identity.admin ? undefined : await roleIn(identity, project);
      if (!identity.admin && role === undefined && asked.namespace !== undefined && asked.name === undefined) {
        throw new Refused('NotFound', `There is no project "${asked.namespace}", or you are not a member of it.`);
      }
      const decision = decide(identity, role, asked);
      switch (decision.type) {
        case 'allow':
          return;
        case 'hide':
          throw notFound(asked.kind, { namespace: asked.namespace, name: asked.name ?? '' });
        case 'deny':
          throw new Refused('Forbidden', decision.message);
        default:
          return decision satisfies never;
      }
    },

    async visibility(identity, asked) {
      if (identity.admin || !isOverAll(asked)) return everything;
      const roles = await rolesOf(identity);
      const action: Action = { verb: asked.verb, kind: asked.kind };
      return {
        all: false,
        sees(object) {
          // A Project says itself who belongs to it, also one that is newer than the roles read here.
          const role =
            Project.kind === object.kind
              ? roleOf(identity, Project.read(object))
              : roles.get(object.metadata.namespace ?? '');
          return decide(identity, role, action).type === 'allow';
        },
        async holds() {
          const now = await rolesOf(identity);
          return now.size === roles.size && [...now].every(([project, role]) => roles.get(project) === role);
        },
      };
    },
  };
}

/** A list or watch over several projects, or of the projects themselves. */
function isOverAll({ verb, kind, namespace, name }: Asked): boolean {
  return (
    (verb === 'list' || verb === 'watch') && name === undefined && namespace === undefined && isForMembers(verb, kind)
  );
}

/** Somebody may be named by several addresses: what gives the most counts. The roles stand in that order. */
function roleOf(identity: Identity, { spec }: Project): Role | undefined {
  const roles = spec.members.filter(({ user }) => isCalled(identity, user)).map(({ role }) => role);
  return Role.options.find((role) => roles.includes(role));
}
