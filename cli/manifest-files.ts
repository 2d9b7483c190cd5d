import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseAllDocuments, type Document } from 'yaml';
import { CliError } from './exit.ts';
import { readDocument } from './manifest-document.ts';
import type { ApiObject } from './objects.ts';

/** One object of a file, and where it stands. */
export interface ManifestEntry {
  object: ApiObject;
  /** "shop.yaml, document 2": for messages. */
  place: string;
  /** The line of a field, or of what is nearest around it. */
  lineOf(field: string): number | undefined;
}

/** What a file may have. */
export const MOST_BYTES = 3 * 1024 * 1024;
const LIMIT_DOCUMENTS = 10_000;

interface Found {
  entries: ManifestEntry[];
  problems: string[];
}

/**
 * Reads files, folders (their .yaml, .yml and .json files, by name) and `-` for standard input. All that is wrong in any of
 * them is told at once, as one usage error. What was downloaded is read in place of a file of that name.
 */
export function readManifests(
  paths: readonly string[],
  downloads: ReadonlyMap<string, Buffer> = new Map(),
): ManifestEntry[] {
  const found = paths
    .flatMap((path) => (downloads.has(path) ? [path] : filesOf(path)))
    .map((file) => readFile(file, downloads.get(file)));
  const problems = found.flatMap((file) => file.problems);
  if (problems.length > 0) throw manifestError(problems);
  const entries = found.flatMap((file) => file.entries);
  if (entries.length === 0) throw new CliError('usage', `There is no object in ${paths.join(', ')}.`);
  return entries;
}

/** One usage error for all that is wrong in files. */
export function manifestError(problems: readonly string[]): CliError {
  const [first = '', ...rest] = problems;
  return new CliError('usage', first, [...rest, 'Nothing was changed.']);
}

function filesOf(path: string): string[] {
  if (path === '-') return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
    const files = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name));
    return files.sort().map((name) => join(path, name));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function readFile(file: string, download: Buffer | undefined): Found {
  const name = file === '-' ? 'standard input' : file;
  const bytes = download ?? readAtMost(file, MOST_BYTES);
  if (bytes === undefined || bytes.length > MOST_BYTES)
    return refused(`${name}: is larger than ${MOST_BYTES / 2 ** 20} MiB, which is what a file may have. Split it.`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refused(`${name}: is not UTF-8 text. Save it as UTF-8.`);
  }
  const lines = new LineCounter();
  const documents = documentsOf(text, lines);
  if (!documents) return refused(`${name}: is nested too deeply to be read.`);
  if (documents.length > LIMIT_DOCUMENTS)
    return refused(`${name}: has more than ${LIMIT_DOCUMENTS} documents. Split it.`);
  const found = documents.map((document, index) => readEntries(document, `${name}, document ${index + 1}`, lines));
  return {
    entries: found.flatMap(({ entries }) => entries),
    problems: found.flatMap(({ problems }) => problems),
  };
}

function documentsOf(text: string, lines: LineCounter): Document[] | undefined {
  try {
    // Keys that repeat are looked for by us, who can name the field.
    const documents = parseAllDocuments(text, {
      uniqueKeys: false,
      schema: 'core',
      lineCounter: lines,
      logLevel: 'error',
    });
    return 'empty' in documents ? [] : documents;
  } catch (error) {
    // The parser calls itself once for each level.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The content of a file, or undefined when it has more: what is too large is not read to its end. */
function readAtMost(file: string, limit: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    const descriptor = file === '-' ? 0 : openSync(file, 'r');
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafe(65_536);
        const length = readSync(descriptor, chunk);
        if (length === 0) return Buffer.concat(chunks);
        chunks.push(chunk.subarray(0, length));
        size += length;
        if (size > limit) return undefined;
      }
    } finally {
      if (file !== '-') closeSync(descriptor);
    }
  } catch (cause) {
    throw unreadable(file === '-' ? 'standard input' : file, cause);
  }
}

function unreadable(path: string, cause: unknown): CliError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const why =
    code === 'ENOENT'
      ? 'there is no such file or folder'
      : code === 'EACCES'
        ? 'it may not be read by you'
        : `it cannot be read (${String(code)})`;
  return new CliError('usage', `${path}: ${why}.`, [], { cause });
}

function readEntries(document: Document, place: string, lines: LineCounter): Found {
  const read = readDocument(document, lines);
  if (!read.ok) {
    return refused(...read.problems.map(({ line, field, message }) => problemText(place, line, '', field, message)));
  }
  const { value, lineOf } = read;
  if (value === null) return { entries: [], problems: [] };
  if (!isList(value)) return readEntry(value, place, lineOf);
  const found = value.items.map((item, index) =>
    readEntry(item, `${place}, item ${index + 1}`, (field) => lineOf(`items[${index}].${field}`)),
  );
  return {
    entries: found.flatMap(({ entries }) => entries),
    problems: found.flatMap(({ problems }) => problems),
  };
}

/** `shop.yaml, document 2, line 14, service/web: spec.replicas: must be at least 0`. */
export function problemText(
  place: string,
  line: number | undefined,
  name: string,
  field: string,
  message: string,
): string {
  const where = [place, ...(line === undefined ? [] : [`line ${line}`]), ...(name === '' ? [] : [name])].join(', ');
  return `${where}: ${field === '' ? '' : `${field}: `}${message}`;
}

function readEntry(value: unknown, place: string, lineOf: ManifestEntry['lineOf']): Found {
  const missing = missingField(value);
  if (missing) return refused(problemText(place, lineOf(missing.field), '', missing.field, missing.message));
  return isNamedObject(value) ? { entries: [{ object: value, place, lineOf }], problems: [] } : refused(place);
}

function missingField(value: unknown): { field: string; message: string } | undefined {
  if (!isRecord(value)) return { field: '', message: 'is not an object with apiVersion, kind, metadata and spec' };
  const { apiVersion, kind, metadata } = value;
  if (apiVersion === undefined) return { field: 'apiVersion', message: 'is required: containr.dev/v1alpha1' };
  if (typeof kind !== 'string') return { field: 'kind', message: 'is required, as text' };
  if (!isRecord(metadata)) return { field: 'metadata', message: 'is required, with a name' };
  const { name, namespace } = metadata;
  if (name === undefined) return { field: 'metadata.name', message: 'is required' };
  if (typeof name !== 'string') return { field: 'metadata.name', message: 'expected text; put it in quotes' };
  if (namespace !== undefined && typeof namespace !== 'string')
    return { field: 'metadata.namespace', message: 'expected text; put it in quotes' };
  return undefined;
}

function isNamedObject(value: unknown): value is ApiObject {
  return missingField(value) === undefined;
}

function isList(value: unknown): value is { items: unknown[] } {
  return isRecord(value) && value['kind'] === 'List' && Array.isArray(value['items']);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(...problems: string[]): Found {
  return { entries: [], problems };
}
