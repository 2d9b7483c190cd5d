import { describe, expect, it } from 'vitest';
import { Refused } from '../status.ts';
import { manifestFormat, readBody } from './body.ts';

function requestWith(body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): Request {
  return new Request('http://localhost/', { method: 'POST', body, headers: { 'content-type': type } });
}

function read(text: string, format: 'json' | 'yaml'): Promise<unknown> {
  return readBody(requestWith(text), format);
}

async function refusalOf(promise: Promise<unknown>): Promise<{ code: number; message: string | undefined }> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Refused)) throw new Error('was not refused', { cause: error });
  return { code: error.status.code, message: error.status.message };
}

const bomb = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...'bcdefghi'.split('').map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(', ')}]`),
];

describe('readBody', () => {
  it('reads JSON and YAML alike', async () => {
    const value = { a: [1, 'x', null, true] };
    expect(await read(JSON.stringify(value), 'json')).toEqual(value);
    expect(await read(JSON.stringify(value), 'yaml')).toEqual(value);
    expect(await read('a: [1, x, null, true]', 'yaml')).toEqual(value);
  });

  it('takes an empty body for none', async () => {
    expect(await read('', 'json')).toBeUndefined();
    expect(await read('# nothing\n', 'yaml')).toBeUndefined();
  });

  it.each<[string, 'json' | 'yaml', string, number, string]>([
    ['broken JSON', 'json', '{', 400, 'not valid JSON'],
    ['broken YAML', 'yaml', 'a: [', 400, 'not valid YAML'],
    ['duplicate keys', 'yaml', 'a: 1\nb: 2\na: 3', 400, 'Map keys must be unique at line 3'],
    ['several documents', 'yaml', 'a: 1\n---\nb: 2', 400, 'several YAML documents'],
    ['an unknown tag', 'yaml', 'a: !exec rm', 400, 'Unresolved tag'],
    ['keys that are no text', 'yaml', '? [a]\n: 1', 400, 'not valid YAML'],
    ['aliases that unfold without end', 'yaml', bomb.join('\n'), 400, 'aliases would unfold'],
    ['a field that reaches into objects', 'json', '{"a": {"__proto__": {"b": 1}}}', 400, '"__proto__"'],
    ['such a field in YAML', 'yaml', 'a: {__proto__: {b: 1}}', 400, '"__proto__"'],
    ['nesting without end', 'json', `${'['.repeat(90_000)}${']'.repeat(90_000)}`, 400, 'nested deeper than 64'],
    ['nesting without end in YAML', 'yaml', `a: ${'['.repeat(90_000)}${']'.repeat(90_000)}`, 400, ''],
    ['much YAML', 'yaml', `a: ${'x'.repeat(600_000)}`, 413, 'at most 512 KiB'],
    ['a large body', 'json', JSON.stringify('x'.repeat(3 * 2 ** 20)), 413, 'larger than 3 MiB'],
  ])('refuses %s', async (_, format, text, code, message) => {
    const refusal = await refusalOf(read(text, format));
    expect(refusal.code).toBe(code);
    expect(refusal.message).toContain(message);
  });

  it('stops reading a large body that does not say its size', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const request = new Request('http://localhost/', { method: 'POST', body: endless, duplex: 'half' });
    expect((await refusalOf(readBody(request, 'json'))).code).toBe(413);
    expect(sent).toBeLessThan(60);
  });

  it('refuses what is no text', async () => {
    const refusal = await refusalOf(readBody(requestWith(new Uint8Array([0xff, 0xfe, 0x41])), 'json'));
    expect(refusal.message).toContain('UTF-8');
  });
});

describe('manifestFormat', () => {
  it.each([
    ['application/json', 'json'],
    ['application/json; charset=utf-8', 'json'],
    ['application/yaml', 'yaml'],
  ])('reads %s as %s', (type, format) => {
    expect(manifestFormat(requestWith('', type))).toBe(format);
  });

  it('refuses other types', () => {
    expect(() => manifestFormat(requestWith('', 'text/plain'))).toThrow(/"text\/plain" is not taken/);
  });
});
