import type { AnyKind } from '../../crds/kinds.ts';
import type { RepoSync } from '../../crds/repo-sync.ts';
import { Secret } from '../../crds/secret.ts';
import { describeProblems, validateManifest } from '../../crds/validate.ts';
import { fieldOf, isRecord } from '../../controller/json.ts';
import { secretProblems } from '../../controller/secrets/seal-secret.ts';
import { objectText, placeProblem, syncedKinds } from './place.ts';
import type { SourceFile } from './source-files.ts';
import { listed, type SourceProblem } from './source-problem.ts';
import { readYamlDocuments } from './yaml-documents.ts';

/** One object that the repository states. */
export interface Entry {
  kind: AnyKind;
  namespace: string | undefined;
  name: string;
  /** `Service shop/web`. */
  text: string;
  /** As it was written, in its namespace, and with only what people may state. */
  raw: Record<string, unknown>;
}

export type Manifests = { ok: true; entries: Entry[] } | { ok: false; problem: SourceProblem };

/** More than anybody has; a repository must not fill the store. */
const MOST_OBJECTS = 5_000;

/**
 * The objects that files state, in the order in which they are applied. All is checked before any is answered: one that is wrong
 * stops all.
 */
export async function readManifests(sync: RepoSync, files: readonly SourceFile[]): Promise<Manifests> {
  const problems: string[] = [];
  const entries = new Map<string, Entry>();
  for (const { path, text } of files) {
    const found = readYamlDocuments(text, MOST_OBJECTS);
    if (!found.ok) {
      problems.push(...found.problems.map((problem) => `${path}: ${problem}`));
      continue;
    }
    for (const { line, value } of found.documents.flatMap(itemsOf)) {
      const read = readEntry(sync, value);
      if ('problem' in read) problems.push(`${path}, line ${line}: ${read.problem}`);
      else if (entries.has(read.text)) problems.push(`${path}, line ${line}: ${read.text} is stated twice; keep one`);
      else entries.set(read.text, read);
      if (entries.size > MOST_OBJECTS)
        return invalid(`There are more than ${MOST_OBJECTS} objects. Split them over several RepoSyncs.`);
    }
    // Everybody else waits while a file is read.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (problems.length > 0) return invalid(`${listed(problems)}. Nothing was changed.`);
  if (entries.size === 0)
    return {
      ok: false,
      problem: {
        reason: 'SourceEmpty',
        message: 'There is no object in spec.path of the repository. Nothing is changed.',
      },
    };
  const order = (entry: Entry): number => syncedKinds.findIndex(({ kind }) => kind === entry.kind.kind);
  return { ok: true, entries: [...entries.values()].sort((a, b) => order(a) - order(b) || (a.text < b.text ? -1 : 1)) };
}

function itemsOf({ line, value }: { line: number; value: unknown }): { line: number; value: unknown }[] {
  if (value === null) return [];
  const items = fieldOf(value, 'kind') === 'List' ? fieldOf(value, 'items') : undefined;
  return Array.isArray(items) ? items.map((item: unknown) => ({ line, value: item })) : [{ line, value }];
}

function readEntry(sync: RepoSync, value: unknown): Entry | { problem: string } {
  const validated = validateManifest(value);
  if (!validated.ok) return { problem: describeProblems(validated.problems) };
  const { kind, manifest } = validated;
  const { name, namespace: stated, finalizers, ownerReferences } = manifest.metadata;
  const namespace = kind.scope === 'Cluster' ? undefined : (stated ?? sync.metadata.namespace);
  const text = objectText(kind.kind, { namespace, name });
  const misplaced = placeProblem(sync, kind, namespace);
  if (misplaced !== undefined) return { problem: `${text}: ${misplaced}` };
  if (finalizers !== undefined || ownerReferences !== undefined)
    return { problem: `${text}: metadata.finalizers and ownerReferences are not a repository's to set` };
  if (kind.kind === Secret.kind) {
    const problems = secretProblems(Secret.specSchema.parse(manifest.spec));
    if (problems.length > 0) return { problem: `${text}: ${describeProblems(problems)}` };
  }
  return { kind, namespace, name, text, raw: cleaned(value, namespace) };
}

/** What the server sets may stand in a file that came from `get -o yaml`; it means nothing. */
function cleaned(value: unknown, namespace: string | undefined): Record<string, unknown> {
  const [written, metadata] = [isRecord(value) ? value : {}, fieldOf(value, 'metadata')];
  const [labels, annotations] = [fieldOf(metadata, 'labels'), fieldOf(metadata, 'annotations')];
  return {
    apiVersion: written['apiVersion'],
    kind: written['kind'],
    metadata: {
      name: fieldOf(metadata, 'name'),
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    },
    ...(written['spec'] !== undefined && { spec: written['spec'] }),
  };
}

function invalid(message: string): Manifests {
  return { ok: false, problem: { reason: 'ManifestInvalid', message } };
}
