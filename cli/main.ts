import { CommanderError } from 'commander';
import { CliError, exitCodes } from './exit.ts';
import { buildProgram } from './program.ts';

let isReaderNeeded = true;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  // Whoever reads the output had enough: `containr get ... | head`. What is being written to the server is written all the same.
  if (isReaderNeeded) process.exit(exitCodes.ok);
});
process.stderr.on('error', () => undefined);

const program = buildProgram({
  say: (line) => void process.stdout.write(`${line}\n`),
  end: (exit) => void (process.exitCode = typeof exit === 'number' ? exit : exitCodes[exit]),
  outliveReader: () => void (isReaderNeeded = false),
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Tells a person what went wrong, and answers how the process ends. */
function explain(error: unknown): number {
  // Commander has said itself what it did not understand.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const wantsCause = process.env['CONTAINR_DEBUG'] === '1';
  if (error instanceof CliError) {
    process.stderr.write(`containr: ${error.message}\n`);
    for (const detail of error.details) process.stderr.write(`  ${detail}\n`);
    if (wantsCause) process.stderr.write(`${stackOf(error)}\n`);
    return exitCodes[error.exit];
  }
  process.stderr.write(`containr: ${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write(
    wantsCause ? `${stackOf(error)}\n` : '  This was not expected. CONTAINR_DEBUG=1 shows where it happened.\n',
  );
  return exitCodes.server;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack}${cause}`;
}
