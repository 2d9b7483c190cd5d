import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from './unified-diff.ts';

const letters = (text: string): string[] => [...text];

describe('unifiedDiff', () => {
  it('says nothing of texts that are the same', () => {
    expect(unifiedDiff(letters('abc'), letters('abc'))).toEqual([]);
  });

  it('shows a change with three lines around it', () => {
    expect(unifiedDiff(letters('abcdefghi'), letters('abcdXfghi'))).toEqual([
      '@@ -2,7 +2,7 @@',
      ' b',
      ' c',
      ' d',
      '-e',
      '+X',
      ' f',
      ' g',
      ' h',
    ]);
  });

  it('begins a hunk of its own for what is far away', () => {
    const heads = unifiedDiff(letters('abcdefghijklmnop'), letters('Xbcdefghijklmnoq')).filter((line) =>
      line.startsWith('@@'),
    );
    expect(heads).toEqual(['@@ -1,4 +1,4 @@', '@@ -13,4 +13,4 @@']);
  });

  it('shows what is new, and what goes, as a whole', () => {
    expect(unifiedDiff([], letters('ab'))).toEqual(['@@ -0,0 +1,2 @@', '+a', '+b']);
    expect(unifiedDiff(letters('ab'), [])).toEqual(['@@ -1,2 +0,0 @@', '-a', '-b']);
  });

  it('makes of the old text the new one when its hunks are applied', () => {
    const text = array(constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });
    assert(
      property(text, text, (before, after) => {
        expect(applied(before, unifiedDiff(before, after))).toEqual(after);
      }),
    );
  });
});

/** What a reader of unified diffs makes of it; throws where the old text is not as a hunk says. */
function applied(before: readonly string[], hunks: readonly string[]): string[] {
  const after: string[] = [];
  let at = 0;
  for (const line of hunks) {
    const [, start, length] = /^@@ -(\d+),(\d+) /.exec(line) ?? [];
    if (start !== undefined) {
      const from = length === '0' ? Number(start) : Number(start) - 1;
      after.push(...before.slice(at, from));
      at = from;
      continue;
    }
    if (line[0] !== '+') expect(before[at]).toBe(line.slice(1));
    if (line[0] !== '+') at += 1;
    if (line[0] !== '-') after.push(line.slice(1));
  }
  return [...after, ...before.slice(at)];
}
