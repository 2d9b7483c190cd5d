import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkManifests } from './check-manifests.ts';
import { CliError } from './exit.ts';
import { fieldSteps, fieldText } from './field-path.ts';
import { readManifests } from './manifest-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'containr-manifests-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function project(name: string): string {
  return `apiVersion: containr.dev/v1alpha1\nkind: Project\nmetadata: {name: ${name}}\n`;
}

function problemsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof CliError) return [error.message, ...error.details];
    throw error;
  }
  throw new Error('Nothing was wrong.');
}

describe('readManifests', () => {
  it('counts documents, also empty ones, and lists by item', () => {
    const item = JSON.stringify({ apiVersion: 'containr.dev/v1alpha1', kind: 'Project', metadata: { name: 'b' } });
    const file = write('all.yaml', `# nothing here\n---\n---\n${project('a')}---\nkind: List\nitems: [${item}]\n`);
    expect(readManifests([file]).map(({ object, place }) => [object.metadata.name, place])).toEqual([
      ['a', `${file}, document 2`],
      ['b', `${file}, document 3, item 1`],
    ]);
  });

  it('reads a folder by name, without what is in folders below or is no manifest', () => {
    write('b.yml', project('b'));
    write('a.yaml', project('a'));
    write('c.txt', 'text');
    mkdirSync(join(folder, 'd.d'));
    expect(readManifests([folder]).map(({ object }) => object.metadata.name)).toEqual(['a', 'b']);
  });

  it('unfolds aliases that are few', () => {
    const file = write('a.yaml', `${project('a')}spec:\n  description: &d text\n  displayName: *d\n`);
    expect(readManifests([file])[0]?.object.spec).toEqual({ description: 'text', displayName: 'text' });
  });

  it('tells the problems of every file and document at once', () => {
    const one = write('1.yaml', `${project('a')}x: {y: 1, y: 2}\n---\nkind: Project\n`);
    const two = write('2.yaml', 'a: [');
    expect(problemsOf(() => readManifests([one, two]))).toEqual([
      `${one}, document 1, line 4: x.y: is set twice; keep one`,
      `${one}, document 2, line 6: apiVersion: is required: containr.dev/v1alpha1`,
      expect.stringContaining(`${two}, document 1, line 1: `),
      'Nothing was changed.',
    ]);
  });

  it('refuses what is not UTF-8', () => {
    const file = join(folder, 'latin1.yaml');
    writeFileSync(file, Buffer.from(`${project('a')}# \u00e9`, 'latin1'));
    expect(problemsOf(() => readManifests([file]))[0]).toBe(`${file}: is not UTF-8 text. Save it as UTF-8.`);
  });
});

describe('checkManifests', () => {
  it('puts first what others depend on, and keeps the order otherwise', () => {
    const service = (name: string): string =>
      `apiVersion: containr.dev/v1alpha1\nkind: Service\nmetadata: {name: ${name}}\nspec: {source: {type: image, image: a}}\n`;
    const file = write('all.yaml', [service('z'), service('a'), project('shop')].join('---\n'));
    const checked = checkManifests(readManifests([file]), 'shop');
    expect(checked.map(({ object }) => `${object.metadata.namespace ?? ''}/${object.metadata.name}`)).toEqual([
      '/shop',
      'shop/z',
      'shop/a',
    ]);
  });
});

describe('fieldText', () => {
  it.each([
    ['spec.env[0].name', ['spec', 'env', 0, 'name']],
    ['metadata.labels["a.b/c"]', ['metadata', 'labels', 'a.b/c']],
    ['["<<"]', ['<<']],
    ['', []],
  ])('writes %s, and fieldSteps reads it', (text, steps) => {
    expect(fieldText(steps)).toBe(text);
    expect(fieldSteps(text)).toEqual(steps);
  });
});
