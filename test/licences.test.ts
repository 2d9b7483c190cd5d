import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..');

/** Licences whose terms let the whole be distributed under the GPL-3.0. */
const compatible = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'GPL-3.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'PSF-2.0',
  'PostgreSQL',
  'Python-2.0',
  'Unlicense',
  'WTFPL',
]);

/** Packages that name no licence in the way that lock files read it; their LICENSE files are the MIT's text. */
const readByHand: Readonly<Record<string, string>> = {
  'node_modules/buildcheck': 'MIT',
  'node_modules/cpu-features': 'MIT',
  'node_modules/ssh2': 'MIT',
};

const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string().optional(), license: z.string().optional(), dev: z.boolean().optional() }),
  ),
});
const Manifest = z.object({
  license: z.string().optional(),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

const lock = Lock.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
const manifest = Manifest.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));

/** "MIT OR Apache-2.0" may be taken as either; "A AND B" needs both. */
function isCompatible(expression: string): boolean {
  const text = expression.replaceAll(/[()]/g, '');
  return text.split(/\sOR\s/).some((choice) => choice.split(/\sAND\s/).every((name) => compatible.has(name.trim())));
}

describe('dependencies', () => {
  it('have licences that are compatible with the GPL-3.0 of the whole', () => {
    const shipped = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && !dev);
    expect(shipped.length).toBeGreaterThan(50);
    const wrong = shipped.filter(([path, { license }]) => !isCompatible(license ?? readByHand[path] ?? 'unknown'));
    expect(wrong.map(([path, { license }]) => `${path}: ${license ?? 'unknown'}`)).toEqual([]);
  });

  it('are pinned exactly', () => {
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('leave no address of a registry in the lock file', () => {
    expect(existsSync(join(root, 'package-lock.json'))).toBe(true);
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved":/);
  });
});
