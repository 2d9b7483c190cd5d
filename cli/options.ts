import { InvalidArgumentError, Option } from 'commander';
import { readDuration } from './duration.ts';

/** `-n`: the project, for commands that look into one. */
export function namespaceOption(): Option {
  return new Option('-n, --namespace <project>', 'the project');
}

/** `--inventory`: a name that can be a label. InvalidArgumentError for anything else. */
export function inventoryOption(): Option {
  return new Option('--inventory <name>', 'remember what was applied under this name').argParser((name) => {
    if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name)) return name;
    throw new InvalidArgumentError('Use letters, digits, "-", "_" and ".", at most 63.');
  });
}

/** `--timeout`, in milliseconds once it is read. */
export function timeoutOption(defaultMs: number): Option {
  return new Option('--timeout <duration>', 'how long to wait, such as 90s or 5m')
    .default(defaultMs, `${defaultMs / 60_000}m`)
    .argParser(readDuration);
}

/** A whole number within limits. InvalidArgumentError for anything else. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Use a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** Types of events, separated by commas, in any case. InvalidArgumentError for any other word. */
export function readEventTypes(text: string): ('normal' | 'warning')[] {
  return text.split(',').map((word) => {
    const type = word.trim().toLowerCase();
    if (type === 'normal' || type === 'warning') return type;
    throw new InvalidArgumentError('Use Normal, Warning, or both separated by a comma.');
  });
}

/** `true` or `false`. InvalidArgumentError for anything else. */
export function readFlag(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidArgumentError('Use true or false.');
}
