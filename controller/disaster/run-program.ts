import { readFileSync } from 'node:fs';
import { isFault, type FaultCode } from '../errors.ts';

/** As the command says them: 2 usage, 3 not found, 4 conflict, 5 forbidden, 7 server. */
const exits: Partial<Record<FaultCode, number>> = { Invalid: 2, NotFound: 3, Conflict: 4, AlreadyExists: 4, Denied: 5 };

/** Runs a program that ends: what is wrong is one sentence on standard error, and an exit code. */
export async function runProgram(name: string, work: () => Promise<void>): Promise<never> {
  try {
    await work();
    process.exit(0);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${name}: ${message}\n`);
    process.exit(isFault(error) ? (exits[error.code] ?? 7) : 7);
  }
}

/** The passphrase, which comes on standard input: arguments are seen by everybody on the machine. */
export function readPassphrase(): string {
  return readFileSync(0, 'utf8').split(/\r?\n/, 1)[0] ?? '';
}
