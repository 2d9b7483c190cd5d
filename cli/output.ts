import { findByPath } from '../crds/json-path.ts';
import { CliError } from './exit.ts';
import { shownName, type ApiObject } from './objects.ts';
import type { Say } from './text.ts';

/** How objects are shown. */
export type OutputFormat =
  | { type: 'table'; wide: boolean }
  | { type: 'json' | 'yaml' | 'name' }
  | { type: 'jsonpath'; parts: TemplatePart[] };

type TemplatePart = { path: string } | { text: string };

/** Reads the value of `-o`. Usage error that lists what there is for anything else. */
export function readOutput(text: string): OutputFormat {
  switch (text) {
    case 'table':
      return { type: 'table', wide: false };
    case 'wide':
      return { type: 'table', wide: true };
    case 'json':
    case 'yaml':
    case 'name':
      return { type: text };
    default:
      break;
  }
  const [, template] = /^jsonpath=(.+)$/s.exec(text) ?? [];
  const parts = template === undefined ? undefined : templateParts(template);
  if (parts) return { type: 'jsonpath', parts };
  throw new CliError(
    'usage',
    `-o ${text} is not understood. Use table, wide, json, yaml, name or jsonpath={.path}, where a path is made of .field, ['field'], [0], [*] and [?(@.type=="Ready")].`,
  );
}

/** Shows objects: one by itself, several as a list. Managed fields are for programs that ask for them. */
export async function showObjects(
  objects: readonly ApiObject[],
  { isOne, managedFields }: { isOne: boolean; managedFields: boolean },
  format: Exclude<OutputFormat, { type: 'table' }>,
  say: Say,
): Promise<void> {
  const shown = managedFields ? objects : objects.map(withoutManagedFields);
  const [first] = shown;
  const value = isOne && first ? first : { apiVersion: 'v1', kind: 'List', items: shown };
  switch (format.type) {
    case 'json':
      return say(JSON.stringify(value, null, 2));
    case 'yaml': {
      const { stringify } = await import('yaml');
      return say(stringify(value, { aliasDuplicateObjects: false }).trimEnd());
    }
    case 'name':
      return shown.forEach((object) => say(shownName(object)));
    case 'jsonpath':
      return say(format.parts.map((part) => partText(part, value)).join(''));
    default:
      return format satisfies never;
  }
}

function withoutManagedFields(object: ApiObject): ApiObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Text with paths in braces, as in `{.metadata.name}: {.status.url}`; a path alone needs no braces. */
function templateParts(template: string): TemplatePart[] | undefined {
  if (!template.includes('{')) return findByPath(template, {}) && [{ path: template }];
  const parts: TemplatePart[] = [];
  for (const [whole, braced] of template.matchAll(/\{((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^{}"'])*)\}|[^{}]+|[{}]/g)) {
    if (braced === undefined) {
      if (whole === '{' || whole === '}') return undefined;
      parts.push({ text: whole });
    } else if (/^".*"$/s.test(braced)) {
      parts.push({ text: unquoted(braced) });
    } else if (findByPath(braced, {})) {
      parts.push({ path: braced });
    } else {
      return undefined;
    }
  }
  return parts;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, (_, letter: string) => ({ n: '\n', t: '\t' })[letter] ?? letter);
}

function partText(part: TemplatePart, value: unknown): string {
  if ('text' in part) return part.text;
  return (findByPath(part.path, value) ?? [])
    .map((found) => (typeof found === 'object' ? JSON.stringify(found) : String(found)))
    .join(' ');
}
