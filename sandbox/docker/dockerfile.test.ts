import { describe, expect, it } from 'vitest';
import { parseDockerfile } from './dockerfile.ts';

describe('parseDockerfile', () => {
  it('reads stages, flags, lists and lines that go on', () => {
    const { globals, stages, escape } = parseDockerfile(
      '# syntax=x\n# escape=`\nARG V=1\nFROM a:$V AS One\n\nCOPY --from=0 --chown=1:2 ["a b", "/c"]\nrun x `\n # c\n  y\nFROM one\n',
    );
    expect(escape).toBe('`');
    expect(globals.map(({ text }) => text)).toEqual(['ARG V=1']);
    expect(stages.map(({ name, from }) => [name, from.rest])).toEqual([
      ['one', 'a:$V AS One'],
      [undefined, 'one'],
    ]);
    expect(stages[0]?.instructions).toMatchObject([
      { name: 'COPY', flags: { from: '0', chown: '1:2' }, list: ['a b', '/c'], line: 6 },
      { name: 'RUN', rest: 'x   y', list: undefined, line: 7 },
    ]);
  });

  it('takes a list that is no proper one as a command', () => {
    expect(parseDockerfile('FROM a\nCMD ["a", b]').stages[0]?.instructions[0]?.list).toBeUndefined();
  });

  it.each([
    ['', 'cannot be empty'],
    ['# only\n', 'no instructions'],
    ['RUN x', 'no build stage'],
    ['ARG A', 'no build stage'],
    ['FROM', 'FROM requires either one or three arguments'],
    ['FROM a b', 'FROM requires either one or three arguments'],
    ['FROM a\nNOPE', 'line 2: unknown instruction: NOPE'],
    ['FROM a\nCOPY --what=1 a b', 'Unknown flag: what'],
    ['FROM a\nENV A', 'ENV must have two arguments'],
    ['FROM a\nLABEL a=1 b', "can't find = in"],
    ['FROM a\nSHELL x', 'JSON form'],
    ['FROM a\nUSER', 'USER requires exactly one argument'],
  ])('refuses %j', (text, words) => {
    expect(() => parseDockerfile(text)).toThrow(words);
  });
});
