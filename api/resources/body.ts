import { parseAllDocuments } from 'yaml';
import { isRecord } from '../../controller/json.ts';
import { Refused } from '../status.ts';

const MOST_BYTES = 3 * 2 ** 20;
/** Reading YAML takes a hundred times as long as JSON, and everybody else waits meanwhile. */
const MOST_YAML = 512 * 2 ** 10;
const MOST_DEPTH = 64;
const MOST_ALIASES = 50;

/** The type of a body, without parameters; empty when none is stated. */
export function mediaTypeOf(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Reads a body as JSON or YAML, or refuses it with a sentence that says why. An empty body is undefined. */
export async function readBody(
  request: Request,
  format: 'json' | 'yaml',
  mostBytes: number = MOST_BYTES,
): Promise<unknown> {
  const text = await readText(request, mostBytes);
  if (text.trim() === '') return undefined;
  // Programs send JSON as YAML, which it is.
  const value = format === 'json' ? parseJson(text) : (quickJson(text) ?? parseYaml(text));
  checkShape(value, 1);
  return value;
}

/** `json` or `yaml` by the type of the body, where both are taken; none stated is JSON. Refuses any other type. */
export function manifestFormat(request: Request): 'json' | 'yaml' {
  const type = mediaTypeOf(request);
  if (type === '' || type === 'application/json') return 'json';
  if (type === 'application/yaml' || type === 'application/x-yaml' || type === 'text/yaml') return 'yaml';
  throw new Refused(
    'UnsupportedMediaType',
    `A body of type "${type}" is not taken here; send application/json or application/yaml.`,
  );
}

async function readText(request: Request, mostBytes: number): Promise<string> {
  const bytes = await readBytes(request, mostBytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    if (cause instanceof TypeError) throw new Refused('BadRequest', 'The body is not valid UTF-8 text.');
    throw cause;
  }
}

async function readBytes(request: Request, mostBytes: number): Promise<Uint8Array> {
  const stated = request.headers.get('content-length');
  if (Number(stated ?? 0) > mostBytes) throw tooLarge(mostBytes);
  // HTTP lets nobody send more than was stated, and read at once it costs half as much.
  if (stated !== null) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) throw tooLarge(mostBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(mostBytes: number): Refused {
  return new Refused('RequestEntityTooLarge', `The body is larger than ${mostBytes / 2 ** 20} MiB.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Refused('BadRequest', 'The body is not valid JSON.');
  }
}

function quickJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseYaml(text: string): unknown {
  if (text.length > MOST_YAML) {
    throw new Refused('RequestEntityTooLarge', `A body of YAML has at most ${MOST_YAML / 2 ** 10} KiB; send JSON.`);
  }
  const [document, second] = parseAllDocuments(text, {
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
    prettyErrors: true,
  });
  if (!document || !('contents' in document)) return undefined;
  if (second) throw new Refused('BadRequest', 'The body holds several YAML documents; send one at a time.');
  // A tag that is not known is only a warning to the parser, but what it was to mean is lost.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem)
    throw new Refused('BadRequest', `The body is not valid YAML: ${problem.message.split('\n', 1)[0] ?? ''}`);
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    throw new Refused('BadRequest', 'The body is not valid YAML: its aliases would unfold to far more than was sent.');
  }
}

/** Names that would reach into the machinery of objects, and nesting that no manifest has. */
function checkShape(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MOST_DEPTH) throw new Refused('BadRequest', `The body is nested deeper than ${MOST_DEPTH} levels.`);
  if (isRecord(value) && Object.hasOwn(value, '__proto__')) {
    throw new Refused('BadRequest', 'The body has a field called "__proto__", which is not taken.');
  }
  for (const child of Object.values(value)) checkShape(child, depth + 1);
}
