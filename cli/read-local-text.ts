import { readFileSync } from 'node:fs';
import { CliError } from './exit.ts';

/** The text of a file, `-` for standard input, byte for byte. Usage error for what is not there, or is no UTF-8 text. */
export function readLocalText(file: string): string {
  const shown = file === '-' ? 'standard input' : file;
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (cause) {
    throw new CliError('usage', `${shown} cannot be read. Is it there, and a file that you may read?`, [], { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const message = `${shown} is not UTF-8 text, and values are text. Encode it first, as base64 for example.`;
    throw new CliError('usage', message, [], { cause });
  }
}
