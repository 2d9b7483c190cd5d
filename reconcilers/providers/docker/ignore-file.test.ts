import { describe, expect, it } from 'vitest';
import { readIgnoreFile } from './ignore-file.ts';

describe('readIgnoreFile', () => {
  it.each<[pattern: string, ignored: string[], sent: string[]]>([
    ['node_modules', ['node_modules', 'node_modules/a/b'], ['src/node_modules', 'node_modules2']],
    ['/dist/', ['dist', 'dist/a'], ['src/dist']],
    ['./a/../b', ['b'], ['a']],
    ['*.md', ['README.md'], ['docs/README.md', 'README.mdx']],
    ['*/temp*', ['a/temp', 'a/temporary.txt', 'a/temp/x'], ['temp', 'a/b/temp']],
    ['**/*.log', ['a.log', 'a/b/c.log'], ['a.logs']],
    ['docs/**', ['docs/a', 'docs/a/b'], ['docs', 'docs2/a']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b', 'a/x/b/c'], ['ab', 'a/xb', 'x/a/b']],
    ['temp?', ['temp1', 'temps'], ['temp', 'temp/x', 'temp12']],
    ['[a-c]x', ['ax', 'cx'], ['dx', '-x']],
    ['[^a-c]x', ['dx'], ['ax', '/x']],
    ['a\\*', ['a*'], ['ab']],
    ['**', ['a', 'a/b'], []],
    ['.git', ['.git', '.git/config'], ['.gitignore', 'src/.git']],
    ['a.b', ['a.b'], ['axb']],
  ])('reads %s', (pattern, ignored, sent) => {
    const file = readIgnoreFile(pattern);
    expect(ignored.filter((path) => !file.ignores(path))).toEqual([]);
    expect(sent.filter((path) => file.ignores(path))).toEqual([]);
  });

  it('lets the last pattern that matches decide', () => {
    const file = readIgnoreFile('*.md\n!README*.md\nREADME-secret.md');
    expect(['a.md', 'README.md', 'README-secret.md'].map(file.ignores)).toEqual([true, false, true]);
    expect(file.hasExceptions).toBe(true);
  });

  it('lets an exception bring back what lies in an ignored folder', () => {
    const file = readIgnoreFile('build\n!build/keep');
    expect(['build', 'build/x', 'build/keep', 'build/keep/x'].map(file.ignores)).toEqual([true, true, false, false]);
  });

  it('passes over comments, blank lines, the context itself, and Windows line ends', () => {
    const file = readIgnoreFile('\uFEFF# all\r\n\r\n  a  \r\n/\r\n.\r\n');
    expect(['a', 'b', '# all'].map(file.ignores)).toEqual([true, false, false]);
  });

  it.each(['[', '[a', '[a-', '[]', 'a\\', '!['])('refuses %s', (pattern) => {
    expect(() => readIgnoreFile(pattern)).toThrow(/is no pattern/);
  });

  it('comes to an end for patterns made to take for ever', () => {
    const file = readIgnoreFile(`${'**/a'.repeat(200)}\n${'*a'.repeat(500)}b`);
    expect(file.ignores('a/'.repeat(500) + 'a'.repeat(500))).toBe(true);
    expect(file.ignores('b'.repeat(1_000))).toBe(false);
  });

  it('refuses a file of endless patterns', () => {
    expect(() => readIgnoreFile('a\n'.repeat(3_000))).toThrow(/more than/);
  });
});
