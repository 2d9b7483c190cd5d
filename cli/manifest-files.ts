import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseAllDocuments, type Document } from 'yaml';
import { CliError } from './exit.ts';
import type { ApiObject } from './objects.ts';

/** One object of a file, and where it stands. */
export interface ManifestEntry {
  object: ApiObject;
  /** "shop.yaml, document 2": for messages. */
  place: string;
}

const LIMIT_BYTES = 3 * 1024 * 1024;
const LIMIT_DOCUMENTS = 10_000;

/** Reads files, folders (their .yaml, .yml and .json files, by name) and `-` for standard input. All that is wrong is told at once. */
export function readManifests(paths: readonly string[]): ManifestEntry[] {
  const problems: string[] = [];
  const entries = paths.flatMap(filesOf).flatMap((file) => {
    try {
      return readFile(file);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      problems.push(error.message, ...error.details);
      return [];
    }
  });
  if (problems.length > 0) throw new CliError('usage', problems[0] ?? '', problems.slice(1));
  if (entries.length === 0) throw new CliError('usage', `There is no object in ${paths.join(', ')}.`);
  return entries;
}

function filesOf(path: string): string[] {
  if (path === '-') return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
  } catch (cause) {
    throw new CliError('usage', `${path}: there is no such file or folder.`, [], { cause });
  }
  const files = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name));
  return files.sort().map((name) => join(path, name));
}

function readFile(file: string): ManifestEntry[] {
  const name = file === '-' ? 'standard input' : file;
  const bytes = readFileSync(file === '-' ? 0 : file);
  if (bytes.length > LIMIT_BYTES) {
    throw new CliError(
      'usage',
      `${name}: is ${Math.ceil(bytes.length / 1024)} KiB; a file may have ${LIMIT_BYTES / 1024} KiB. Split it.`,
    );
  }
  const lines = new LineCounter();
  // Empty answers an array with an `empty` mark: no document at all.
  const documents = parseAllDocuments(bytes.toString('utf8'), {
    uniqueKeys: true,
    schema: 'core',
    lineCounter: lines,
    logLevel: 'error',
  });
  if (!Array.isArray(documents)) return [];
  if (documents.length > LIMIT_DOCUMENTS)
    throw new CliError('usage', `${name}: has more than ${LIMIT_DOCUMENTS} documents. Split it.`);
  return documents.flatMap((document, index) => readDocument(document, `${name}, document ${index + 1}`, lines));
}

function readDocument(document: Document, place: string, lines: LineCounter): ManifestEntry[] {
  const [error] = [...document.errors, ...document.warnings];
  if (error) {
    const { line } = lines.linePos(error.pos[0]);
    throw new CliError('usage', `${place}, line ${line}: ${sentence(error.message)}`);
  }
  const value = plainValue(document, place);
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new CliError('usage', `${place}: is not an object with apiVersion, kind, metadata and spec.`);
  }
  if ('kind' in value && value.kind === 'List' && 'items' in value && Array.isArray(value.items)) {
    return value.items.map((item: unknown, index) => ({
      object: asObject(item, `${place}, item ${index + 1}`),
      place: `${place}, item ${index + 1}`,
    }));
  }
  return [{ object: asObject(value, place), place }];
}

function plainValue(document: Document, place: string): unknown {
  try {
    // Aliases that multiply are refused before they are unfolded.
    return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 100 })), (key, value: unknown) => {
      if (key === '__proto__' || key === 'constructor' || key === 'prototype')
        throw new Error(`the key "${key}" is not allowed.`);
      return value;
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(
      'usage',
      `${place}: ${/alias/i.test(why) ? 'has too many aliases. Write the values out.' : sentence(why)}`,
      [],
      { cause },
    );
  }
}

function asObject(value: unknown, place: string): ApiObject {
  if (!isNamedObject(value)) throw new CliError('usage', `${place}: kind and metadata.name are required.`);
  return value;
}

function isNamedObject(value: unknown): value is ApiObject {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('metadata' in value)) return false;
  const { kind, metadata } = value;
  return (
    typeof kind === 'string' &&
    typeof metadata === 'object' &&
    metadata !== null &&
    'name' in metadata &&
    typeof metadata.name === 'string'
  );
}

function sentence(text: string): string {
  const first = text.split('\n')[0]?.trim() ?? '';
  const body = first.replace(/ at line \d+, column \d+:?$/, '');
  return /[.!?]$/.test(body) ? body : `${body}.`;
}
