import { describe, expect, it } from 'vitest';
import { joinWords, splitWords } from './lxc-words.ts';

describe('splitWords', () => {
  it.each<[string, string, string[]]>([
    ['splits at white space', ' /bin/app  -f\tx ', ['/bin/app', '-f', 'x']],
    ['keeps a word in quotes together', `sh -c 'a b'`, ['sh', '-c', 'a b']],
    ['takes quotes inside of a word literally', `--x="a b"`, ['--x="a', 'b"']],
    ['knows no escapes', String.raw`a 'it'\''s'`, ['a', 'it', String.raw`\''s'`]],
    ['keeps an empty word', `a '' b`, ['a', '', 'b']],
    ['strips quotes around the whole', `"/bin/app -f"`, ['/bin/app', '-f']],
    ['takes a quote that never ends to the end', `a 'b c`, ['a', 'b c']],
  ])('%s', (_, text, words) => {
    expect(splitWords(text)).toEqual(words);
  });
});

describe('joinWords', () => {
  it('quotes as a shell wants it, which liblxc then reads otherwise', () => {
    const joined = joinWords(['sh', '-c', "it's"]);
    expect(joined).toBe(String.raw`sh -c 'it'\''s'`);
    expect(splitWords(joined)).not.toEqual(['sh', '-c', "it's"]);
  });
});
