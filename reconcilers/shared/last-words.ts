import type { LogLine } from '../../controller/logs.ts';

/** Of the end of a log what says why: what the process printed; only when that is nothing, what the supervisor noted. Pure. */
export function lastWords(lines: readonly Pick<LogLine, 'source' | 'text'>[]): string[] {
  const printed = lines.filter(({ source }) => source !== 'system');
  return (printed.length > 0 ? printed : lines).map(({ text }) => text);
}
