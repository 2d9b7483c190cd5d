interface Edit {
  sign: ' ' | '-' | '+';
  line: string;
}

/** Above this many pairs of lines between the first and the last change all of them count as changed. */
const MOST_PAIRS = 4_000_000;
const AROUND = 3;

/** What changes from one text to the other, as hunks of a unified diff with three lines around; empty when nothing does. */
export function unifiedDiff(before: readonly string[], after: readonly string[]): string[] {
  const edits = editsBetween(before, after);
  const changed = edits.flatMap(({ sign }, index) => (sign === ' ' ? [] : [index]));
  const hunks: { from: number; to: number }[] = [];
  for (const index of changed) {
    const last = hunks.at(-1);
    const to = Math.min(edits.length, index + AROUND + 1);
    if (last && index - AROUND <= last.to) last.to = to;
    else hunks.push({ from: Math.max(0, index - AROUND), to });
  }
  return hunks.flatMap(({ from, to }) => [headOf(edits, from, to), ...linesOf(edits.slice(from, to))]);
}

function headOf(edits: readonly Edit[], from: number, to: number): string {
  const side = (other: Edit['sign']): string => {
    const ahead = edits.slice(0, from).filter(({ sign }) => sign !== other).length;
    const length = edits.slice(from, to).filter(({ sign }) => sign !== other).length;
    return `${length === 0 ? ahead : ahead + 1},${length}`;
  };
  return `@@ -${side('+')} +${side('-')} @@`;
}

function linesOf(edits: readonly Edit[]): string[] {
  return edits.map(({ sign, line }) => `${sign}${line}`);
}

function editsBetween(before: readonly string[], after: readonly string[]): Edit[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (
    tail < Math.min(before.length, after.length) - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail += 1;
  const same = (line: string): Edit => ({ sign: ' ', line });
  return [
    ...before.slice(0, head).map(same),
    ...changedPart(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

/** The longest common subsequence stays, what is removed stands before what is added. */
function changedPart(before: readonly string[], after: readonly string[]): Edit[] {
  const width = after.length + 1;
  const edits: Edit[] = [];
  let [row, column] = [0, 0];
  if (before.length * after.length <= MOST_PAIRS) {
    const common = new Uint32Array((before.length + 1) * width);
    const at = (line: number, other: number): number => common[line * width + other] ?? 0;
    for (let line = before.length - 1; line >= 0; line -= 1)
      for (let other = after.length - 1; other >= 0; other -= 1)
        common[line * width + other] =
          before[line] === after[other]
            ? at(line + 1, other + 1) + 1
            : Math.max(at(line + 1, other), at(line, other + 1));
    while (row < before.length && column < after.length) {
      if (before[row] === after[column]) {
        edits.push({ sign: ' ', line: before[row] ?? '' });
        [row, column] = [row + 1, column + 1];
      } else if (at(row + 1, column) >= at(row, column + 1)) {
        edits.push({ sign: '-', line: before[row] ?? '' });
        row += 1;
      } else {
        edits.push({ sign: '+', line: after[column] ?? '' });
        column += 1;
      }
    }
  }
  for (const line of before.slice(row)) edits.push({ sign: '-', line });
  for (const line of after.slice(column)) edits.push({ sign: '+', line });
  return edits;
}
