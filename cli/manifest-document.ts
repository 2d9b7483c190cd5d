import { isAlias, isMap, isScalar, isSeq, visit, type Alias, type Document, type LineCounter, type Node } from 'yaml';
import { fieldSteps, fieldText, type FieldStep } from './field-path.ts';

/** Something wrong in a document, and where. */
export interface DocumentProblem {
  line: number | undefined;
  /** Empty for what is wrong with the document as a whole. */
  field: string;
  message: string;
}

/** A document as plain values, or what is wrong with it. */
export type ReadDocument =
  | { ok: true; value: unknown; lineOf(field: string): number | undefined }
  | { ok: false; problems: DocumentProblem[] };

const MOST_DEPTH = 64;
const MOST_ALIASES = 100;

/** Reads one document of YAML. Nothing that one of two readers could take for something else gets through. */
export function readDocument(document: Document, lines: LineCounter): ReadDocument {
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    const problems = broken.slice(0, 10).map(({ pos: [at], message }) => ({
      line: lines.linePos(at).line,
      field: '',
      message: sentence(message),
    }));
    return { ok: false, problems };
  }
  const problems = structureProblems(document.contents, lines);
  if (problems.length > 0) return { ok: false, problems };
  try {
    // Aliases that multiply are refused before they are unfolded.
    const value: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: MOST_ALIASES }) ?? null));
    return { ok: true, value, lineOf: (field) => lineOf(document.contents, field, lines) };
  } catch (error) {
    // The two ways in which aliases cannot be unfolded: too many, or round and round.
    if (!(error instanceof ReferenceError || error instanceof TypeError)) throw error;
    return { ok: false, problems: [aliasProblem(document, lines)] };
  }
}

/** What YAML allows and a manifest must not have, in one walk: keys twice, keys that reach into objects, endless depth. */
function structureProblems(root: unknown, lines: LineCounter): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const report = (at: unknown, steps: readonly FieldStep[], message: string): void =>
    void problems.push({ line: startLine(at, lines), field: fieldText(steps), message });

  function walk(node: unknown, steps: readonly FieldStep[]): void {
    if (steps.length > MOST_DEPTH) {
      report(node, steps.slice(0, 3), `is nested deeper than ${MOST_DEPTH} levels`);
      return;
    }
    if (isSeq(node)) node.items.forEach((item, index) => walk(item, [...steps, index]));
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const path = [...steps, name];
      if (name === '__proto__') report(key, path, 'is not a known field');
      else if (seen.has(name)) report(key, path, 'is set twice; keep one');
      seen.add(name);
      walk(value, path);
    }
  }

  walk(root, []);
  return problems;
}

/** The alias that unfolds to most is not known, but one whose anchor has aliases itself is where it begins. */
function aliasProblem(document: Document, lines: LineCounter): DocumentProblem {
  let found: { alias: Alias; steps: FieldStep[] } | undefined;
  visit(document, {
    Alias(_key, alias, path) {
      const target = alias.resolve(document);
      if (found && !hasAlias(target)) return undefined;
      const steps = path.flatMap((node, index) => stepBetween(node, path[index + 1] ?? alias));
      found = { alias, steps };
      return hasAlias(target) ? visit.BREAK : undefined;
    },
  });
  const message = 'has aliases that unfold to far more than the file holds; write the values out';
  return { line: found && startLine(found.alias, lines), field: fieldText(found?.steps ?? []), message };
}

function stepBetween(parent: unknown, child: unknown): FieldStep[] {
  if (isSeq(parent)) return [parent.items.indexOf(child)];
  if (!isMap(parent)) return [];
  const pair = parent.items.find((item) => item === child);
  return pair ? [isScalar(pair.key) ? String(pair.key.value) : String(pair.key)] : [];
}

function hasAlias(node: unknown): boolean {
  if (isAlias(node)) return true;
  if (isSeq(node)) return node.items.some(hasAlias);
  return isMap(node) && node.items.some(({ value }) => hasAlias(value));
}

/** Where a field stands, or the nearest around it that is there. */
function lineOf(root: unknown, field: string, lines: LineCounter): number | undefined {
  let node: unknown = root;
  let line: number | undefined;
  for (const step of fieldSteps(field)) {
    const inner = typeof step === 'number' ? itemOf(node, step) : pairOf(node, step);
    if (!inner) break;
    line = startLine(inner.at, lines) ?? line;
    node = inner.value;
  }
  return line ?? startLine(root, lines);
}

function itemOf(node: unknown, index: number): { at: unknown; value: unknown } | undefined {
  const item = isSeq(node) ? node.items[index] : undefined;
  return item === undefined ? undefined : { at: item, value: item };
}

function pairOf(node: unknown, name: string): { at: unknown; value: unknown } | undefined {
  const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === name) : undefined;
  return pair && { at: pair.key, value: pair.value };
}

function startLine(node: unknown, lines: LineCounter): number | undefined {
  const range = isNode(node) ? node.range : undefined;
  return range ? lines.linePos(range[0]).line : undefined;
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

function sentence(text: string): string {
  const [first = ''] = text.split('\n', 1);
  return first
    .trim()
    .replace(/ at line \d+, column \d+:?$/, '')
    .replace(/[.:]$/, '');
}
