import { describe, expect, it } from 'vitest';
import { fieldTexts, textKey } from './field-texts.ts';
import { allKinds } from './kinds.ts';
import { fieldsOf, indexPage, kindPage } from './reference.ts';
import { Service } from './service.ts';

const everyField = allKinds.flatMap((kind) =>
  (['spec', 'status'] as const).flatMap((part) => fieldsOf(kind, part).map((field) => ({ kind: kind.kind, ...field }))),
);

describe('fieldTexts', () => {
  it('says of every field what it is for', () => {
    expect(everyField.filter(({ text }) => text === undefined).map(({ kind, path }) => `${kind} ${path}`)).toEqual([]);
  });

  it('describes no field that there is not', () => {
    const used = new Set(everyField.map(({ kind, path }) => textKey(kind, path.replaceAll('[]', '').split('.'))));
    expect(Object.keys(fieldTexts).filter((key) => !used.has(key))).toEqual([]);
  });
});

describe('fieldsOf', () => {
  it.each([
    ['spec.replicas', { type: 'whole number (0 to 1000)', default: '1', required: false }],
    ['spec.source', { type: 'object', default: undefined, required: true }],
    ['spec.resources.memory', { type: 'quantity', default: '"512Mi"', required: false }],
    ['spec.ports', { type: 'list of object', default: '[]', required: false }],
    ['spec.ports[].port', { type: 'whole number (1 to 65535)', default: undefined, required: true }],
    ['spec.build.environment', { type: 'map of text', default: '{}', required: false }],
  ])('tells type and default of %s', (path, expected) => {
    expect(fieldsOf(Service, 'spec').find((field) => field.path === path)).toMatchObject(expected);
  });

  it('lists a field of several alternatives once', () => {
    const paths = everyField.filter(({ kind }) => kind === 'ProxmoxCluster').map(({ path }) => path);
    expect(paths.filter((path) => path === 'spec.network.bridge')).toHaveLength(1);
  });
});

describe('kindPage', () => {
  it('keeps the bars of a value inside its cell', () => {
    const rows = kindPage(Service)
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(6);
  });
});

describe('indexPage', () => {
  it('links every kind and explains every reason', () => {
    const page = indexPage(allKinds);
    for (const { plural } of allKinds) expect(page).toContain(`(${plural}.md)`);
    expect(page).toContain('| `Settled` | The world matches the spec. |');
  });
});
