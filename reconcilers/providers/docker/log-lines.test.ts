import { describe, expect, it } from 'vitest';
import { createLogLines, plainText } from './log-lines.ts';

function linesOf(...pieces: string[]): string[] {
  const lines: string[] = [];
  const maker = createLogLines((line) => lines.push(line));
  for (const piece of pieces) maker.add(piece);
  maker.end();
  return lines;
}

const esc = '\u001b';

describe('createLogLines', () => {
  it('joins pieces to lines, and takes the last without an end', () => {
    expect(linesOf('one\ntw', 'o\r', '\n\nth', 'ree')).toEqual(['one', 'two', '', 'three']);
  });

  it('keeps the last state of a line that was overwritten', () => {
    expect(linesOf('10%\r20%\r', '30%\n', 'done\r')).toEqual(['30%', 'done']);
  });

  it('keeps no more than it needs of a line without end', () => {
    const [line = ''] = linesOf(...Array.from({ length: 1_000 }, () => 'x'.repeat(1_000)));
    expect(line).toBe(`${'x'.repeat(4_096)}…`);
  });
});

describe('plainText', () => {
  it.each([
    [`${esc}[1;31mred${esc}[0m`, 'red'],
    [`${esc}]0;title\u0007text`, 'text'],
    [`${esc}]8;;http://x${esc}\\link${esc}]8;;${esc}\\`, 'link'],
    [`a${esc}(Bb${esc}Mc`, 'abc'],
    [`${esc}]never ends`, ''],
    ['a\u0000b\u0008c\u009bd\u007f', 'abcd'],
    ['a\tb', 'a    b'],
    ['safe\u202etxt.exe', 'safetxt.exe'],
    ['grüße 🎉', 'grüße 🎉'],
  ])('takes what is no text out of %j', (line, plain) => {
    expect(plainText(line)).toBe(plain);
  });
});
