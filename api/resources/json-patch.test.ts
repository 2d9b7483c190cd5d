import { assert, jsonValue, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyJsonPatch, pointerText, readJsonPatch } from './json-patch.ts';

function patched(target: unknown, patch: unknown): unknown {
  const reading = readJsonPatch(patch);
  if (!reading.ok) return reading.message;
  const result = applyJsonPatch(target, reading.operations);
  return result.ok ? result.value : result.message;
}

describe('applyJsonPatch', () => {
  it.each<[string, unknown, object[], unknown]>([
    ['adds a field', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['adds null', {}, [{ op: 'add', path: '/a', value: null }], { a: null }],
    ['replaces by adding', { a: 1 }, [{ op: 'add', path: '/a', value: 2 }], { a: 2 }],
    ['inserts into a list', [1, 3], [{ op: 'add', path: '/1', value: 2 }], [1, 2, 3]],
    ['appends to a list', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['removes a field', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
    ['removes from a list', [1, 2, 3], [{ op: 'remove', path: '/1' }], [1, 3]],
    ['replaces in a list', [1, 2], [{ op: 'replace', path: '/0', value: 9 }], [9, 2]],
    ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: [] }], []],
    ['moves', { a: { b: 1 }, c: {} }, [{ op: 'move', from: '/a/b', path: '/c/d' }], { a: {}, c: { d: 1 } }],
    [
      'copies',
      { a: [1] },
      [
        { op: 'copy', from: '/a', path: '/b' },
        { op: 'add', path: '/b/-', value: 2 },
      ],
      { a: [1], b: [1, 2] },
    ],
    [
      'goes on after a test that holds',
      { a: { b: 1 } },
      [
        { op: 'test', path: '/a', value: { b: 1 } },
        { op: 'remove', path: '/a' },
      ],
      {},
    ],
    [
      'unescapes pointers',
      { 'a/b': 1, 'm~n': 2 },
      [
        { op: 'remove', path: '/a~1b' },
        { op: 'remove', path: '/m~0n' },
      ],
      {},
    ],
  ])('%s', (_, target, patch, expected) => {
    const before = structuredClone(target);
    expect(patched(target, patch)).toEqual(expected);
    expect(target).toEqual(before);
  });

  it.each<[string, unknown, object, string]>([
    ['a test that fails', { a: 1 }, { op: 'test', path: '/a', value: 2 }, 'the value at "/a" is another one.'],
    ['a test of nothing', {}, { op: 'test', path: '/a', value: null }, 'the value at "/a" is another one.'],
    ['a replace of nothing', {}, { op: 'replace', path: '/a', value: 1 }, 'there is nothing at "/a".'],
    ['a remove of nothing', {}, { op: 'remove', path: '/a' }, 'there is nothing at "/a".'],
    ['an add below nothing', {}, { op: 'add', path: '/a/b', value: 1 }, 'there is nothing at "/a".'],
    ['a place beyond the list', [1], { op: 'add', path: '/5', value: 1 }, '"5" is no place in the list at "".'],
    ['a move into itself', { a: {} }, { op: 'move', from: '/a', path: '/a/b' }, '"/a" cannot be moved into itself.'],
    ['what is inherited', {}, { op: 'copy', from: '/toString', path: '/a' }, 'there is nothing at "/toString".'],
  ])('refuses %s', (_, target, operation, message) => {
    expect(patched(target, [operation])).toContain(message);
  });

  it('copies any document whole', () => {
    assert(
      property(jsonValue(), (value) => {
        expect(
          patched({ a: value }, [
            { op: 'copy', from: '/a', path: '/b' },
            { op: 'remove', path: '/a' },
          ]),
        ).toEqual({ b: value });
      }),
    );
  });

  it('stops before copies of copies fill the memory', () => {
    const doubling = Array.from({ length: 100 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
    expect(patched({ a: ['x'] }, doubling)).toContain('too much is copied');
  });
});

describe('readJsonPatch', () => {
  it.each<[string, unknown]>([
    ['no list', {}],
    ['no operation', ['add']],
    ['an unknown operation', [{ op: 'merge', path: '/a', value: 1 }]],
    ['no value', [{ op: 'add', path: '/a' }]],
    ['no from', [{ op: 'move', path: '/a' }]],
    ['a pointer without a slash', [{ op: 'remove', path: 'a' }]],
    ['a bad escape', [{ op: 'remove', path: '/a~2' }]],
  ])('refuses %s', (_, raw) => {
    expect(readJsonPatch(raw)).toMatchObject({ ok: false });
  });
});

describe('pointerText', () => {
  it('escapes', () => {
    expect(pointerText(['a/b', 'm~n'])).toBe('/a~1b/m~0n');
  });
});
