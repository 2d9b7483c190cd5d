import { findByPath } from '../crds/json-path.ts';
import { CliError } from './exit.ts';
import type { ApiObject, ApiTable } from './objects.ts';

/** Whether `--sort-by` names a path rather than a column. */
export function isPath(sortBy: string): boolean {
  return /^[.{[$]/.test(sortBy);
}

/** Rows in the order of a column, or of a path into their objects. Usage error that lists the columns for any other. */
export function sortRows(table: ApiTable, sortBy: string): ApiTable {
  const key = isPath(sortBy) ? pathKey(sortBy) : columnKey(table, sortBy);
  return { ...table, rows: table.rows.toSorted((a, b) => compare(key(a), key(b))) };
}

/** Objects in the order of a path. */
export function sortObjects(objects: readonly ApiObject[], sortBy: string): ApiObject[] {
  if (!isPath(sortBy))
    throw new CliError('usage', `--sort-by=${sortBy}: columns are of tables; use a path such as {.metadata.name}.`);
  const key = pathKey(sortBy);
  return objects.toSorted((a, b) => compare(key({ object: a }), key({ object: b })));
}

type Row = Pick<ApiTable['rows'][number], 'object'> & { cells?: unknown[] };

function pathKey(path: string): (row: Row) => string {
  if (!findByPath(path, {}))
    throw new CliError('usage', `--sort-by=${path}: the path is not understood. Use one such as {.metadata.name}.`);
  return ({ object }) => String(findByPath(path, object)?.[0] ?? '');
}

function columnKey({ columnDefinitions }: ApiTable, sortBy: string): (row: Row) => string {
  const at = columnDefinitions.findIndex(({ name }) => name.toLowerCase() === sortBy.toLowerCase());
  const column = columnDefinitions[at];
  if (!column) {
    const names = columnDefinitions.map(({ name }) => name).join(', ');
    throw new CliError('usage', `--sort-by=${sortBy}: there is no such column. Columns: ${names}, or a path.`);
  }
  // An age is the wrong way round and in units of its own; the time behind it is neither.
  if (column.name === 'Age') return ({ object }) => object?.metadata?.creationTimestamp ?? '';
  return ({ cells }) => String(cells?.[at] ?? '');
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
