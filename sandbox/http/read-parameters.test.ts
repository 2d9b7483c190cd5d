import { describe, expect, it } from 'vitest';
import { readForm, readParameters } from './read-parameters.ts';

describe('readForm', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['splits at ampersand and semicolon', 'a=1&b=2;c=3', { a: '1', b: '2', c: '3' }],
    ['cuts a value at its second raw equals sign', 'env=A=1', { env: 'A' }],
    ['keeps an encoded one', 'env=A%3D1%00B%3D2', { env: 'A=1\0B=2' }],
    ['makes a list of what comes twice', 'm=1&m=2&m=3', { m: ['1', '2', '3'] }],
    ['takes plus for a space', 'd=a+b', { d: 'a b' }],
    ['keeps what is not encoded well', 'd=100%', { d: '100%' }],
    ['is not fooled by names that objects have', '__proto__=1', { ['__proto__']: '1' }],
  ])('%s', (_, text, values) => {
    expect(Object.entries(readForm(text))).toEqual(Object.entries(values));
  });
});

describe('readParameters', () => {
  it('says what is wrong with a JSON body in the words of Perl', () => {
    const read = readParameters('', 'application/json', Buffer.from('{"vmid": "100'));
    expect(read).toMatchObject({
      answer: { status: 500, text: expect.stringContaining(`'"' expected, at character offset 13`) },
    });
  });

  it('refuses other types of content', () => {
    expect(readParameters('', 'text/plain; charset=utf-8', Buffer.from('x'))).toMatchObject({
      answer: { status: 506, text: "upload 'Content-Type 'text/plain' not implemented" },
    });
  });
});
