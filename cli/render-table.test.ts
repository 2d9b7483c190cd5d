import { describe, expect, it } from 'vitest';
import type { ApiTable } from './objects.ts';
import { alignColumns, tableCells } from './render-table.ts';
import { sortRows } from './sort-rows.ts';

const table: ApiTable = {
  kind: 'Table',
  metadata: {},
  columnDefinitions: [
    { name: 'Name', type: 'string', priority: 0 },
    { name: 'Count', type: 'integer', priority: 0 },
    { name: 'Age', type: 'date', priority: 0 },
    { name: 'Node', type: 'string', priority: 1 },
  ],
  rows: [
    {
      cells: ['web', 10, '9m', 'pve1'],
      object: { metadata: { name: 'web', namespace: 'shop', creationTimestamp: '2026-01-02' } },
    },
    {
      cells: ['a\nb', 9, '5h', null],
      object: { metadata: { name: 'ab', namespace: 'other', creationTimestamp: '2026-01-01' } },
    },
  ],
};

describe('tableCells', () => {
  it('leaves out wide columns unless they are asked for', () => {
    expect(tableCells(table, { wide: false, headers: true, namespaces: false })[0]).toEqual(['NAME', 'COUNT', 'AGE']);
    expect(tableCells(table, { wide: true, headers: false, namespaces: false })[0]).toEqual([
      'web',
      '10',
      '9m',
      'pve1',
    ]);
  });

  it('puts the project first, keeps cells on one line, and shows nothing for nothing', () => {
    expect(tableCells(table, { wide: true, headers: true, namespaces: true })).toEqual([
      ['NAMESPACE', 'NAME', 'COUNT', 'AGE', 'NODE'],
      ['shop', 'web', '10', '9m', 'pve1'],
      ['other', 'a b', '9', '5h', ''],
    ]);
  });
});

describe('alignColumns', () => {
  it('pads all columns but the last, and later rows like earlier ones', () => {
    const widths: number[] = [];
    expect(
      alignColumns(
        [
          ['a', 'bb'],
          ['ccc', ''],
        ],
        widths,
      ),
    ).toEqual(['a     bb', 'ccc']);
    expect(alignColumns([['d', 'e']], widths)).toEqual(['d     e']);
  });
});

describe('sortRows', () => {
  const names = (sortBy: string): unknown[] => sortRows(table, sortBy).rows.map(({ cells }) => cells[1]);

  it('orders numbers as numbers, ages by what they are ages of, and paths by their values', () => {
    expect(names('count')).toEqual([9, 10]);
    expect(names('Age')).toEqual([9, 10]);
    expect(names('{.metadata.namespace}')).toEqual([9, 10]);
    expect(names('name')).toEqual([9, 10]);
  });

  it('lists the columns for one that is none', () => {
    expect(() => names('frob')).toThrow('Columns: Name, Count, Age, Node');
  });
});
