import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document } from 'yaml';

/** One document of a file, as plain values. */
export interface YamlDocument {
  /** Of its first line. */
  line: number;
  value: unknown;
}

export type YamlDocuments = { ok: true; documents: YamlDocument[] } | { ok: false; problems: string[] };

const MOST_DEPTH = 64;
const MOST_ALIASES = 100;
const MOST_PROBLEMS = 10;

/**
 * Reads a file of YAML or JSON. Nothing that one of two readers could take for something else gets through: no key twice, none
 * that reaches into objects, no aliases that multiply. Problems name the line and never quote the file, which may hold a Secret.
 */
export function readYamlDocuments(text: string, mostDocuments: number): YamlDocuments {
  const separators = text.match(/^---(?=\s|$)/gm)?.length ?? 0;
  if (separators > mostDocuments) return { ok: false, problems: [`has more than ${mostDocuments} documents`] };
  const lines = new LineCounter();
  const parsed = parse(text, lines);
  if (!parsed) return { ok: false, problems: [`is nested deeper than ${MOST_DEPTH} levels`] };
  const read = parsed.map((document) => readDocument(document, lines));
  const problems = read.flatMap((document) => ('problems' in document ? document.problems : []));
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, MOST_PROBLEMS) };
  return { ok: true, documents: read.flatMap((document) => ('problems' in document ? [] : [document])) };
}

function parse(text: string, lineCounter: LineCounter): Document[] | undefined {
  try {
    const documents = parseAllDocuments(text, { uniqueKeys: false, schema: 'core', lineCounter, logLevel: 'error' });
    return 'empty' in documents ? [] : documents;
  } catch (error) {
    // The parser calls itself once for each level.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readDocument(document: Document, lines: LineCounter): YamlDocument | { problems: string[] } {
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0)
    return {
      problems: broken.map(({ code, pos: [at] }) => `line ${lines.linePos(at).line} is not valid YAML (${code})`),
    };
  const problems = structureProblems(document.contents, lines);
  if (problems.length > 0) return { problems };
  const line = lineOf(document.contents, lines) ?? 1;
  try {
    // Aliases that multiply are refused before they are unfolded; a copy by JSON has none left.
    const value: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: MOST_ALIASES }) ?? null));
    return { line, value };
  } catch (error) {
    // Too many, or round and round.
    if (!(error instanceof ReferenceError || error instanceof TypeError)) throw error;
    return { problems: [`line ${line} begins a document whose aliases unfold to far more than it holds`] };
  }
}

function structureProblems(root: unknown, lines: LineCounter): string[] {
  const problems: string[] = [];

  function walk(node: unknown, depth: number): void {
    const line = lineOf(node, lines) ?? 1;
    if (depth > MOST_DEPTH) {
      problems.push(`line ${line} is nested deeper than ${MOST_DEPTH} levels`);
      return;
    }
    if (isSeq(node)) for (const item of node.items) walk(item, depth + 1);
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const at = lineOf(key, lines) ?? line;
      if (name === '__proto__') problems.push(`line ${at} sets a field that is not known`);
      else if (seen.has(name))
        problems.push(`line ${at} sets the field ${JSON.stringify(name.slice(0, 64))} a second time; keep one`);
      seen.add(name);
      walk(value, depth + 1);
    }
  }

  walk(root, 0);
  return problems;
}

function lineOf(node: unknown, lines: LineCounter): number | undefined {
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return undefined;
  return node.range ? lines.linePos(node.range[0]).line : undefined;
}
