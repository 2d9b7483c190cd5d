import { existsSync, readFileSync } from 'node:fs';

/** The version of this command, such as `0.1.0`. */
export function ownVersion(): string {
  const beside = new URL('../package.json', import.meta.url);
  const file = existsSync(beside) ? beside : new URL('../../package.json', import.meta.url);
  const parsed: { version?: string } = JSON.parse(readFileSync(file, 'utf8'));
  return parsed.version ?? 'unknown';
}
