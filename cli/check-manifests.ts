import { validateManifest } from '../crds/validate.ts';
import { kindNamed, kindNames, type KindName } from './kind-names.ts';
import { manifestError, problemText, type ManifestEntry } from './manifest-files.ts';
import { shownName, type ApiObject } from './objects.ts';

/** An object that is to be applied, its project filled in. */
export interface CheckedEntry extends ManifestEntry {
  kind: KindName;
}

/**
 * Checks here, without a server, everything in every document, and puts first what others depend on. Usage error that
 * names each wrong field with its place.
 */
export function checkManifests(entries: readonly ManifestEntry[], namespace: string | undefined): CheckedEntry[] {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  const checked: CheckedEntry[] = [];
  for (const entry of entries) {
    const { object, place, lineOf } = entry;
    const report = (field: string, message: string): void =>
      void problems.push(problemText(place, lineOf(field), shownName(object), field, message));
    const result = validateManifest(object);
    if (!result.ok) {
      // The first that is wrong with a field explains the rest of it.
      const first = new Map(result.problems.toReversed().map(({ path, message }) => [path, message]));
      for (const path of new Set(result.problems.map((problem) => problem.path))) report(path, first.get(path) ?? '');
      continue;
    }
    const kind = kindNamed(object.kind);
    const placed = inProject(object, kind, namespace);
    if (kind.namespaced && placed.metadata.namespace === undefined) {
      report('metadata.namespace', 'is required: the name of a project. Set it, or use -n PROJECT');
    } else if (kind.namespaced && namespace !== undefined && placed.metadata.namespace !== namespace) {
      report('metadata.namespace', `is "${placed.metadata.namespace}", and -n says "${namespace}". Leave one out`);
    }
    const key = `${kind.kind} ${placed.metadata.namespace ?? ''}/${placed.metadata.name}`;
    const before = seen.get(key);
    if (before === undefined) seen.set(key, place);
    else report('metadata.name', `is the same object as in ${before}. Keep one`);
    checked.push({ ...entry, object: placed, kind });
  }
  if (problems.length > 0) throw manifestError(problems);
  return checked.sort((a, b) => kindNames.indexOf(a.kind) - kindNames.indexOf(b.kind));
}

function inProject(object: ApiObject, kind: KindName, namespace: string | undefined): ApiObject {
  if (!kind.namespaced || object.metadata.namespace !== undefined || namespace === undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}
