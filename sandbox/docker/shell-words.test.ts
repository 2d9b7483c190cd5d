import { describe, expect, it } from 'vitest';
import { expandWord, expandWords, splitWords } from './shell-words.ts';

const values = new Map([
  ['A', 'one'],
  ['EMPTY', ''],
  ['SPACE', 'x y'],
]);
const variables = (name: string) => values.get(name);

describe('expandWord', () => {
  it.each([
    ['$A', 'one'],
    ['${A}', 'one'],
    ['pre-${A}-$A.post', 'pre-one-one.post'],
    ['$NONE', ''],
    ['${NONE:-def}', 'def'],
    ['${EMPTY:-def}', 'def'],
    ['${EMPTY-def}', ''],
    ['${A:+set}', 'set'],
    ['${EMPTY:+set}', ''],
    ['${NONE:-${A}}', 'one'],
    ["'$A'", '$A'],
    ['"$A"', 'one'],
    ['\\$A', '$A'],
    ['"\\"q\\""', '"q"'],
    ['"a\\b"', 'a\\b'],
    ['$', '$'],
    ['a$', 'a$'],
    [`'it'"'"'s'`, "it's"],
  ])('reads %s as %s', (text, expanded) => {
    expect(expandWord(text, variables)).toBe(expanded);
  });

  it('takes another escape character', () => {
    expect(expandWord('C:\\x `$A', variables, '`')).toBe('C:\\x $A');
  });

  it.each(['"open', "'open", '${A', '${1bad}', '${A:%x}', '${NONE:?is needed}'])('refuses %s', (text) => {
    expect(() => expandWord(text, variables)).toThrow();
  });
});

describe('expandWords', () => {
  it('cuts at white space outside of quotes, and never a value', () => {
    expect(expandWords(' a  "b c" $SPACE \'\' d\\ e ', variables)).toEqual(['a', 'b c', 'x y', '', 'd e']);
  });
});

describe('splitWords', () => {
  it('leaves quotes and variables alone', () => {
    expect(splitWords(`A="x y" B='$z' C=\\ d`)).toEqual(['A="x y"', "B='$z'", 'C=\\ d']);
  });
});
