import { sameJson } from '../same-json.ts';

const MOST_PATHS = 50;
/** What moves with every write says nothing about this one. */
const BOOKKEEPING = new Set(['metadata.resourceVersion', 'metadata.generation', 'metadata.managedFields']);

/** The paths at which two JSON values differ, such as `spec.replicas`; lists count as a whole. Never a value. */
export function changedPaths(before: unknown, after: unknown): string[] {
  const paths: string[] = [];
  collect(before, after, '', paths);
  if (paths.length <= MOST_PATHS) return paths;
  return [...paths.slice(0, MOST_PATHS), `and ${paths.length - MOST_PATHS} more`];
}

function collect(before: unknown, after: unknown, path: string, paths: string[]): void {
  if (BOOKKEEPING.has(path) || sameJson(before, after)) return;
  if (!isMap(before) || !isMap(after)) {
    paths.push(path);
    return;
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    collect(Reflect.get(before, key), Reflect.get(after, key), path === '' ? key : `${path}.${key}`, paths);
  }
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
