import type { RawParameters } from '../schema/validate.ts';
import { plainAnswer, type Answer } from './answer.ts';

/** A request's parameters, or the answer to one that cannot be read. */
export type ReadParameters = { parameters: RawParameters } | { answer: Answer };

const place = 'at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934.';

/** Reads query and body; where both name a parameter, the query counts. */
export function readParameters(query: string, contentType: string | undefined, body: Buffer): ReadParameters {
  const fromQuery = readForm(query);
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json') {
    const read = readJson(body.toString('utf8'));
    return 'answer' in read ? read : { parameters: { ...read.parameters, ...fromQuery } };
  }
  if (type === '' || type === 'application/x-www-form-urlencoded') {
    return { parameters: { ...readForm(body.toString('utf8')), ...fromQuery } };
  }
  return plain(506, `upload 'Content-Type '${type}' not implemented`);
}

/**
 * Reads a form as Proxmox does: pairs end at `&` and `;`, a value ends at the next raw `=`, and a name that comes twice
 * makes a list.
 */
export function readForm(text: string): Record<string, unknown> {
  const values = new Map<string, unknown>();
  for (const pair of text.split(/[&;]/)) {
    if (pair === '') continue;
    const [name = '', value = ''] = pair.split('=').map(decode);
    const known = values.get(name);
    if (known === undefined) values.set(name, value);
    else values.set(name, Array.isArray(known) ? [...known, value] : [known, value]);
  }
  return Object.fromEntries(values);
}

function readJson(text: string): ReadParameters {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    const body = `${jsonProblem(text)} ${place}`;
    return { answer: plainAnswer(500, body, `${body}\n`) };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return plain(500, 'invalid JSON body');
  return { parameters: { ...parsed } };
}

/** In the words of Perl's parser: it knows a text that ends inside of a string from one that is nothing. */
function jsonProblem(text: string): string {
  const end = `at character offset ${text.length} (before "(end of string)")`;
  const quotes = text.replaceAll(/\\./g, '').split('"').length - 1;
  if (quotes % 2 === 1) return `'"' expected, ${end}`;
  return `malformed JSON string, neither tag, array, object, number, string or atom, ${end}`;
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

function plain(status: number, text: string): ReadParameters {
  return { answer: plainAnswer(status, text, text) };
}
