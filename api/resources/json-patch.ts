import { z } from 'zod';
import { sameJson } from '../../controller/same-json.ts';
import { isRecord } from '../../controller/json.ts';

/** One operation of an RFC 6902 patch, with its pointers split into steps. */
export type JsonPatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string[]; value: unknown }
  | { op: 'remove'; path: string[] }
  | { op: 'move' | 'copy'; path: string[]; from: string[] };

export type PatchReading = { ok: true; operations: JsonPatchOperation[] } | { ok: false; message: string };
export type PatchResult = { ok: true; value: unknown } | { ok: false; message: string };

const MOST_OPERATIONS = 10_000;
/** A few copies of copies would fill any memory. */
const MOST_COPIED = 3 * 2 ** 20;

const Pointer = z.string().regex(/^(\/([^~]|~[01])*)?$/);
const Operation = z.discriminatedUnion('op', [
  z.object({ op: z.enum(['add', 'replace', 'test']), path: Pointer, value: z.unknown() }),
  z.object({ op: z.literal('remove'), path: Pointer }),
  z.object({ op: z.enum(['move', 'copy']), path: Pointer, from: Pointer }),
]);

/** Reads a JSON patch, or says what is wrong with it. */
export function readJsonPatch(raw: unknown): PatchReading {
  if (!Array.isArray(raw)) return { ok: false, message: 'A JSON patch is a list of operations.' };
  if (raw.length > MOST_OPERATIONS)
    return { ok: false, message: `A JSON patch has at most ${MOST_OPERATIONS} operations.` };
  const operations: JsonPatchOperation[] = [];
  for (const [index, item] of raw.entries()) {
    const read = Operation.safeParse(item).data;
    // Zod takes an absent value for undefined, which JSON does not have.
    if (!read || ('value' in read && read.value === undefined)) {
      return { ok: false, message: `Operation ${index + 1} of the JSON patch is not valid: ${usage}` };
    }
    const path = stepsOf(read.path);
    if ('from' in read) operations.push({ op: read.op, path, from: stepsOf(read.from) });
    else if (read.op === 'remove') operations.push({ op: read.op, path });
    else operations.push({ op: read.op, path, value: read.value });
  }
  return { ok: true, operations };
}

const usage = 'it needs op (add, remove, replace, move, copy or test), path, and value or from.';

/** `target` after all operations, or why one of them does not apply. `target` is not changed. */
export function applyJsonPatch(target: unknown, operations: readonly JsonPatchOperation[]): PatchResult {
  const root = { document: structuredClone(target), copied: 0 };
  for (const [index, operation] of operations.entries()) {
    const fault = applyOne(root, operation);
    if (fault !== undefined) {
      return { ok: false, message: `Operation ${index + 1} (${operation.op}) of the JSON patch: ${fault}` };
    }
  }
  return { ok: true, value: root.document };
}

/** The pointer of some steps, for messages. */
export function pointerText(steps: readonly string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

interface Root {
  document: unknown;
  /** Characters of JSON that were copied so far. */
  copied: number;
}

function applyOne(root: Root, operation: JsonPatchOperation): string | undefined {
  const { op, path } = operation;
  switch (op) {
    case 'add':
      return put(root, path, structuredClone(operation.value), 'add');
    case 'replace':
      return put(root, path, structuredClone(operation.value), 'replace');
    case 'remove':
      return take(root, path);
    case 'test': {
      const found = look(root, path);
      return found && sameJson(found.value, operation.value)
        ? undefined
        : `the value at "${pointerText(path)}" is another one.`;
    }
    case 'copy':
    case 'move': {
      const found = look(root, operation.from);
      if (!found) return nothingAt(operation.from);
      const inside =
        op === 'move' && operation.from.every((step, at) => path[at] === step) && path.length > operation.from.length;
      if (inside) return `"${pointerText(operation.from)}" cannot be moved into itself.`;
      if (op === 'copy') root.copied += JSON.stringify(found.value).length;
      if (root.copied > MOST_COPIED) return 'too much is copied.';
      const fault = op === 'move' ? take(root, operation.from) : undefined;
      return fault ?? put(root, path, structuredClone(found.value), 'add');
    }
    default:
      return operation satisfies never;
  }
}

function look({ document }: Pick<Root, 'document'>, path: readonly string[]): { value: unknown } | undefined {
  let value = document;
  for (const step of path) {
    if (Array.isArray(value)) {
      const at = indexOf(step, value.length - 1);
      if (at === undefined) return undefined;
      value = value[at];
    } else if (isRecord(value) && Object.hasOwn(value, step)) {
      value = value[step];
    } else {
      return undefined;
    }
  }
  return { value };
}

function put(root: Root, path: readonly string[], value: unknown, mode: 'add' | 'replace'): string | undefined {
  const last = path.at(-1);
  if (last === undefined) {
    root.document = value;
    return undefined;
  }
  if (mode === 'replace' && !look(root, path)) return nothingAt(path);
  const parent = look(root, path.slice(0, -1))?.value;
  if (Array.isArray(parent)) {
    const at = last === '-' ? parent.length : indexOf(last, parent.length);
    if (at === undefined) return `"${last}" is no place in the list at "${pointerText(path.slice(0, -1))}".`;
    parent.splice(at, mode === 'replace' ? 1 : 0, value);
    return undefined;
  }
  if (!isRecord(parent)) return nothingAt(path.slice(0, -1));
  parent[last] = value;
  return undefined;
}

function take(root: Root, path: readonly string[]): string | undefined {
  const last = path.at(-1);
  if (last === undefined) return 'the whole object cannot be removed.';
  if (!look(root, path)) return nothingAt(path);
  const parent = look(root, path.slice(0, -1))?.value;
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isRecord(parent)) delete parent[last];
  return undefined;
}

function indexOf(step: string, most: number): number | undefined {
  if (!/^(0|[1-9]\d{0,8})$/.test(step)) return undefined;
  const at = Number(step);
  return at <= most ? at : undefined;
}

function nothingAt(path: readonly string[]): string {
  return `there is nothing at "${pointerText(path)}".`;
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}
