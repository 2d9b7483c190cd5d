import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { CliError } from '../exit.ts';
import { nodeFlags, programPath } from '../programs.ts';
import { readSecrets } from '../read-secrets.ts';
import { serverEnvironment, type ServerFlags } from './server.ts';

export interface ExportFlags {
  output: string;
  recipient?: string[];
  passphraseFile?: string;
  audit?: boolean;
}

export interface ImportFlags {
  identity?: string;
  passphraseFile?: string;
  keysOnly?: boolean;
}

/** Has the whole installation written into one encrypted file. Answers the exit code. */
export async function exportInstallation(
  { output, recipient = [], passphraseFile, audit = false }: ExportFlags,
  server: ServerFlags,
): Promise<number> {
  const parameters = [
    '--output',
    output,
    ...recipient.flatMap((one) => ['--recipient', one]),
    ...(audit ? ['--audit'] : []),
  ];
  const passphrase = recipient.length > 0 ? undefined : await passphraseOf(passphraseFile, { isNew: true });
  return runProgram('controller/export-installation', parameters, server, passphrase);
}

/** Has an empty store filled from such a file. Answers the exit code. */
export async function importInstallation(
  file: string,
  { identity, passphraseFile, keysOnly = false }: ImportFlags,
  server: ServerFlags,
): Promise<number> {
  const parameters = [
    ...(identity === undefined ? [] : ['--identity', identity]),
    ...(keysOnly ? ['--keys-only'] : []),
  ];
  const passphrase = identity === undefined ? await passphraseOf(passphraseFile, { isNew: false }) : undefined;
  return runProgram('controller/import-installation', [...parameters, '--', file], server, passphrase);
}

async function passphraseOf(file: string | undefined, { isNew }: { isNew: boolean }): Promise<string> {
  if (file !== undefined) {
    const [line = ''] = readFileSync(file, 'utf8').split(/\r?\n/, 1);
    if (line === '') throw new CliError('usage', `The first line of ${file} is empty; the passphrase belongs there.`);
    return line;
  }
  const isTwice = isNew && process.stdin.isTTY;
  const [first = '', second] = await readSecrets(['passphrase', ...(isTwice ? ['passphrase again'] : [])]);
  if (isTwice && first !== second) throw new CliError('usage', 'The two passphrases differ. Nothing was written.');
  return first;
}

async function runProgram(
  program: 'controller/export-installation' | 'controller/import-installation',
  parameters: readonly string[],
  server: ServerFlags,
  passphrase: string | undefined,
): Promise<number> {
  const child = spawn(process.execPath, [...nodeFlags, programPath(program), ...parameters], {
    env: serverEnvironment(server),
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${passphrase ?? ''}\n`);
  const [code]: unknown[] = await once(child, 'exit');
  return typeof code === 'number' ? code : 7;
}
