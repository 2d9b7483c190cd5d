import type { ApiTable } from './objects.ts';
import { plainLine } from './text.ts';

const GAP = 3;

export interface TableForm {
  wide: boolean;
  headers: boolean;
  namespaces: boolean;
}

/** Cells of a table as the server gave it, the head first; wide columns only when asked for. */
export function tableCells(table: ApiTable, { wide, headers, namespaces }: TableForm): string[][] {
  const shown = table.columnDefinitions
    .map(({ name, priority }, index) => ({ name, priority, index }))
    .filter(({ priority }) => wide || priority === 0);
  const head = shown.map(({ name }) => name.toUpperCase());
  const rows = table.rows.map(({ cells, object }) => {
    const values = shown.map(({ index }) => cellText(cells[index]));
    return namespaces ? [object?.metadata?.namespace ?? '', ...values] : values;
  });
  return headers ? [namespaces ? ['NAMESPACE', ...head] : head, ...rows] : rows;
}

/** Pads every column but the last to its widest cell. `widths` is grown, so that later rows can follow earlier ones. */
export function alignColumns(rows: readonly (readonly string[])[], widths: number[] = []): string[] {
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd((widths[index] ?? 0) + GAP)))
      .join('')
      .trimEnd(),
  );
}

function cellText(cell: unknown): string {
  return cell === null || cell === undefined ? '' : plainLine(String(cell));
}
