import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The other programs of this installation, beside the command: as sources, or compiled. */
export type ProgramName =
  | 'controller/main'
  | 'controller/rotate-keys'
  | 'controller/export-installation'
  | 'controller/import-installation'
  | 'sandbox/main';

/** Where a program lies. */
export function programPath(name: ProgramName): string {
  const source = new URL(`../${name}.ts`, import.meta.url);
  return fileURLToPath(existsSync(source) ? source : new URL(`../${name}.js`, import.meta.url));
}

/** What Node.js is told for each of them. */
// A small young generation: a controller lives long and holds much, and pays for a large one in memory, not in speed. For the
// same reason the old one is cleared whenever it has grown by a third, instead of when it has grown several times over.
export const nodeFlags: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
  '--heap-growing-percent=30',
];
