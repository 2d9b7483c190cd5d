import { allKinds, type AnyKind } from '../../crds/kinds.ts';
import { API_VERSION, GROUP } from '../../crds/meta.ts';
import type { Verb } from '../auth/permissions.ts';
import { Refused } from '../status.ts';
import { kindsWithScale } from './discovery.ts';

export type Subresource = 'status' | 'log' | 'scale';

/** What a request is about, from its address. */
export interface Target {
  kind: AnyKind;
  /** Undefined for kinds in no project, and for lists over all projects. */
  namespace: string | undefined;
  /** Undefined for a collection. */
  name: string | undefined;
  subresource: Subresource | undefined;
}

const BASE = `/apis/${API_VERSION}/`;

/** Reads the address of an object or a collection. Refuses one that no kind has. */
export function readTarget(path: string): Target {
  const steps = path.slice(BASE.length).split('/').map(decodeStep);
  const [first, second, ...rest] = steps;
  const namespaced = first === 'namespaces' && rest.length > 0;
  const namespace = namespaced ? second : undefined;
  const [plural, name, subresource, ...more] = namespaced ? rest : steps;
  const kind = allKinds.find((candidate) => candidate.plural === plural);
  const misplaced =
    kind !== undefined && (kind.scope === 'Namespaced') !== namespaced && !(name === undefined && !namespaced);
  const known = subresource === undefined || isSubresource(subresource, kind);
  if (!kind || misplaced || !known || more.length > 0 || namespace === '' || name === '' || !path.startsWith(BASE)) {
    throw new Refused('NotFound', `There is nothing at ${path}. The kinds are listed at ${BASE.slice(0, -1)}.`);
  }
  return { kind, namespace, name, subresource };
}

/** Whether the kind has it; a log is looked for in all of them, to say what has none. */
function isSubresource(word: string, kind: AnyKind | undefined): word is Subresource {
  return (
    word === 'status' || word === 'log' || (word === 'scale' && kind !== undefined && kindsWithScale.has(kind.kind))
  );
}

/** What the method asks for; refuses one that is not taken there. */
export function readVerb(method: string, { kind, namespace, name, subresource }: Target, watching: boolean): Verb {
  const verb = name === undefined ? collectionVerbs[method] : objectVerbs[method];
  const acrossProjects = kind.scope === 'Namespaced' && namespace === undefined;
  const wrong =
    (acrossProjects && verb !== 'list') ||
    (subresource === 'log' && verb !== 'get') ||
    ((subresource === 'status' || subresource === 'scale') && verb === 'delete');
  if (!verb || wrong) {
    throw new Refused('MethodNotAllowed', `${method} is not taken here${acrossProjects ? '; name a namespace' : ''}.`);
  }
  return verb === 'list' && watching ? 'watch' : verb;
}

/** The kind as it stands in the details of a `Status`. */
export function detailsOf({ kind, name }: Pick<Target, 'kind' | 'name'>): {
  group: string;
  kind: string;
  name?: string;
} {
  return { group: GROUP, kind: kind.plural, ...(name !== undefined && { name }) };
}

const collectionVerbs: Readonly<Record<string, Verb>> = {
  GET: 'list',
  HEAD: 'list',
  POST: 'create',
  DELETE: 'deletecollection',
};
const objectVerbs: Readonly<Record<string, Verb>> = {
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return '';
  }
}
