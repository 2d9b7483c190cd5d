import { sameJson } from '../same-json.ts';

/** What a field was and is, as JSON text. Absent where the field was not there; `HIDDEN` where it may be a secret. */
export interface AuditChange {
  path: string;
  before?: string;
  after?: string;
}

/** Stands for a value that is not shown to anyone. */
export const HIDDEN = '(hidden)';

const MOST_CHANGES = 50;
const LONGEST_VALUE = 512;

/** What moves with every write, or repeats what was sent, says nothing about this one. */
const BOOKKEEPING = new Set([
  'metadata.resourceVersion',
  'metadata.generation',
  'metadata.managedFields',
  'metadata.annotations.containr.dev/field-record',
  'metadata.annotations.kubectl.kubernetes.io/last-applied-configuration',
]);

/** Maps of values that people put passwords into, whatever they are meant for. */
const SECRET_MAPS = new Set(['data', 'sealed', 'environment', 'args']);

/**
 * The fields at which two versions of an object differ; lists count as a whole. Values of Secrets and of environment variables
 * and build arguments are never told, only that they changed. At most 50 fields, each value at most 512 characters.
 */
export function auditDiff(before: unknown, after: unknown): AuditChange[] {
  const changes: AuditChange[] = [];
  collect(before, after, [], changes);
  if (changes.length <= MOST_CHANGES) return changes;
  return [...changes.slice(0, MOST_CHANGES), { path: `and ${changes.length - MOST_CHANGES} more` }];
}

function collect(before: unknown, after: unknown, path: readonly string[], changes: AuditChange[]): void {
  const name = path.join('.');
  if (BOOKKEEPING.has(name) || sameJson(before, after)) return;
  const goesDeeper = (isMap(before) && isMap(after)) || (path.length < 2 && (isMap(before) || isMap(after)));
  if (!goesDeeper) {
    changes.push({ path: name, ...told('before', before, path), ...told('after', after, path) });
    return;
  }
  const [old, now] = [isMap(before) ? before : {}, isMap(after) ? after : {}];
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)]))
    collect(valueAt(old, key), valueAt(now, key), [...path, key], changes);
}

function told(side: 'before' | 'after', value: unknown, path: readonly string[]): Partial<AuditChange> {
  if (value === undefined) return {};
  const text = path.some((step) => SECRET_MAPS.has(step)) ? HIDDEN : (JSON.stringify(withoutSecrets(value)) ?? HIDDEN);
  return { [side]: text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text };
}

/** The same value, with what may be a secret replaced: the maps named above, and `value` beside a `name`, as in `env`. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isMap(value)) return value;
  const isVariable = Object.hasOwn(value, 'name') && Object.hasOwn(value, 'value');
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (SECRET_MAPS.has(key) && isMap(inner))
        return [key, Object.fromEntries(Object.keys(inner).map((each) => [each, HIDDEN]))];
      return [key, isVariable && key === 'value' ? HIDDEN : withoutSecrets(inner)];
    }),
  );
}

function valueAt(map: object, key: string): unknown {
  return Object.hasOwn(map, key) ? Reflect.get(map, key) : undefined;
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
