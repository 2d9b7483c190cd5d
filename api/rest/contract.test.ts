import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createApi, createShop } from '../testing/api-fixture.ts';
import { readContract } from './openapi-document.ts';

const anybody = { headers: { authorization: '' } };
const { contract, text } = await readContract();
const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

describe('the contract', () => {
  it('has the operations that this server was built for', () => {
    expect(Object.keys(contract.paths)).toHaveLength(29);
    expect(operations).toHaveLength(42);
  });

  const reference = join(
    process.env['CONTAINR_REFERENCE_DIR'] ?? join(import.meta.dirname, '../../../shared'),
    'openapi.yaml',
  );
  const absent = !existsSync(reference);
  it.skipIf(absent)(`is the one that was agreed on${absent ? ` (skipped: there is no ${reference})` : ''}`, () => {
    expect(parse(text)).toEqual(parse(readFileSync(reference, 'utf8')));
  });

  it.each(operations)('is served: $method $path', async ({ path, method, operation }) => {
    const api = await createShop();
    const at = `/api/v1${path.replaceAll(/\{[^}]+\}/g, '00000000-0000-4000-8000-000000000000')}`;
    const { status, body } = await api.ask(method, at);
    expect(status).not.toBe(405);
    expect(JSON.stringify(body)).not.toContain('There is nothing at');
    const nobody = await api.ask(method, at, anybody);
    expect(nobody.status === 401).toBe(operation.security.length > 0);
  });
});

describe('the contract as a file', () => {
  it('is given to anybody, compressed for who takes that', async () => {
    const api = createApi();
    const plain = await api.fetch('GET', '/api/v1/openapi.yaml', anybody);
    expect(plain.headers.get('content-type')).toBe('application/yaml; charset=utf-8');
    expect(await plain.text()).toBe(text);
    const small = await api.fetch('GET', '/api/v1/openapi.yaml', { headers: { 'accept-encoding': 'gzip' } });
    expect(small.headers.get('content-encoding')).toBe('gzip');
    const bytes = Buffer.from(await small.arrayBuffer());
    expect(bytes.length).toBeLessThan(text.length / 4);
    expect(gunzipSync(bytes).toString()).toBe(text);
  });
});

describe('the contract as a page', () => {
  it('shows every operation and schema, and may do nothing but be shown', async () => {
    const response = await createApi().fetch('GET', '/api/v1/docs', anybody);
    const page = await response.text();
    for (const { path, method } of operations) {
      expect(page).toContain(`<span class="method">${method}</span> <code>${path}</code>`);
    }
    for (const name of Object.keys(contract.components.schemas)) expect(page).toContain(`id="schema-${name}"`);
    const style = /<style>([^]*?)<\/style>/.exec(page)?.[1] ?? '';
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).toContain("default-src 'none'");
    expect(/<script|https?:\/\/|\son\w+=/i.test(page)).toBe(false);
  });
});
