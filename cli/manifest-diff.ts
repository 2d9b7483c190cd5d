import { shownName, type ApiObject } from './objects.ts';
import { shownManifest } from './shown-manifest.ts';
import { unifiedDiff } from './unified-diff.ts';

/** What changes of an object, as a unified diff; empty when nothing does. Values of secrets are digests in it. Pure. */
export function diffLines(before: ApiObject | undefined, after: ApiObject | undefined): string[] {
  const shown = after ?? before;
  if (!shown) return [];
  const hunks = unifiedDiff(before ? shownManifest(before) : [], after ? shownManifest(after) : []);
  if (hunks.length === 0) return [];
  const { namespace } = shown.metadata;
  const path = `${namespace === undefined ? '' : `${namespace}/`}${shownName(shown)}`;
  const [live, next] = [before ? `live/${path}` : '/dev/null', after ? `applied/${path}` : '/dev/null'];
  return [`diff -u ${live} ${next}`, `--- ${live}`, `+++ ${next}`, ...hunks];
}
