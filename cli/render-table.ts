import type { ApiTable, TableColumn } from './objects.ts';

const GAP = 3;

/** Lines of a table as the server gave it: columns aligned, wide ones only when asked for. */
export function renderTable(
  table: ApiTable,
  options: { wide: boolean; headers: boolean; namespaces: boolean },
): string[] {
  const shown = table.columnDefinitions
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => options.wide || column.priority === 0);
  const head = shown.map(({ column }) => column.name.toUpperCase());
  const rows = table.rows.map(({ cells, object }) => {
    const values = shown.map(({ index, column }) => cellText(cells[index], column));
    return options.namespaces ? [object?.metadata?.namespace ?? '', ...values] : values;
  });
  return alignColumns([...(options.headers ? [options.namespaces ? ['NAMESPACE', ...head] : head] : []), ...rows]);
}

/** Pads every column but the last to its widest cell. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd((widths[index] ?? 0) + GAP)))
      .join('')
      .trimEnd(),
  );
}

function cellText(cell: unknown, column: TableColumn): string {
  if (cell === null || cell === undefined || cell === '') return '';
  const text = String(cell);
  return column.type === 'date' && /^\d{4}-\d\d-\d\dT/.test(text) ? ageText(text) : text;
}

/** How long ago, as kubectl says it: 45s, 3m12s, 5h, 12d. */
export function ageText(time: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1_000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return `${minutes}m${seconds % 60 === 0 ? '' : `${seconds % 60}s`}`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}
