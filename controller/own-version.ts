import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** The version of this program, from its package.json; a release compiled to dist/ finds the same one. */
export function ownVersion(): string {
  const beside = new URL('../package.json', import.meta.url);
  const file = existsSync(beside) ? beside : new URL('../../package.json', import.meta.url);
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}
