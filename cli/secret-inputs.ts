import { basename } from 'node:path';
import { parseEnv } from 'node:util';
import { CliError } from './exit.ts';
import { readLocalText } from './read-local-text.ts';
import { readSecrets } from './read-secrets.ts';

/** Where the values of a Secret come from. */
export interface SecretInputs {
  /** `KEY`, `KEY=-` or `KEY=VALUE`. */
  values: string[];
  /** `FILE` or `KEY=FILE`. */
  fromFile?: string[];
  fromEnvFile?: string;
}

/** The values by their keys. Usage error where a key comes twice, or two of them want standard input. */
export async function readSecretInputs({
  values,
  fromFile = [],
  fromEnvFile,
}: SecretInputs): Promise<Map<string, string>> {
  const asked = values.filter((text) => !text.includes('='));
  const stated = values.filter((text) => text.includes('=')).map(splitAt);
  const piped = stated.filter(([, value]) => value === '-');
  const isBare = values.length === 0 && fromFile.length === 0 && fromEnvFile === undefined;
  const envFile = isBare ? '-' : fromEnvFile;
  const readers = piped.length + Math.min(asked.length, 1) + (envFile === '-' ? 1 : 0);
  if (readers > 1)
    throw new CliError(
      'usage',
      'Standard input can be read once only. Seal the values one after the other: --merge-into.',
    );

  const found = new Map<string, string>();
  const add = (key: string, value: string): void => {
    if (found.has(key)) throw new CliError('usage', `"${key}" is given twice. Keep one.`);
    found.set(key, value);
  };
  // What prints a secret ends it with a new line, which is no part of it.
  for (const [key, value] of stated) add(key, value === '-' ? readLocalText('-').replace(/\r?\n$/, '') : value);
  for (const text of fromFile) {
    const [key, file] = text.includes('=') ? splitAt(text) : [basename(text), text];
    add(key, readLocalText(file));
  }
  if (envFile !== undefined) for (const [key, value] of entriesOf(envFile)) add(key, value);
  const answers = asked.length > 0 ? await readSecrets(asked) : [];
  asked.forEach((key, index) => add(key, answers[index] ?? ''));
  if (stated.length > piped.length) process.stderr.write(SEEN);
  return found;
}

const SEEN =
  'Note: values on the command line are seen by others on this machine and kept by the shell. KEY asks, KEY=- reads standard input.\n';

function splitAt(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

function entriesOf(file: string): [string, string][] {
  const entries = Object.entries(parseEnv(readLocalText(file))).map(([key, value]): [string, string] => [
    key,
    value ?? '',
  ]);
  if (entries.length > 0) return entries;
  throw new CliError('usage', `There is no line of KEY=VALUE in ${file === '-' ? 'standard input' : file}.`);
}
