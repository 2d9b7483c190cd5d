import { Command, CommanderError, Option } from 'commander';
import { CliError, exitCodes } from './exit.ts';
import { buildProgram } from './program.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads the output had enough: `containr get ... | head`.
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
});

try {
  await buildProgram(new Command(), (flags, text) => new Option(flags, text)).parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Tells a person what went wrong, and answers how the process ends. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CliError) {
    process.stderr.write(`containr: ${error.message}\n`);
    for (const detail of error.details) process.stderr.write(`  ${detail}\n`);
    if (process.env['CONTAINR_DEBUG'] === '1' && error.cause !== undefined)
      process.stderr.write(`${String(error.cause)}\n`);
    return exitCodes[error.exit];
  }
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`containr: ${text}\n`);
  if (process.env['CONTAINR_DEBUG'] === '1' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  else process.stderr.write('  This was not expected. CONTAINR_DEBUG=1 shows where it happened.\n');
  return exitCodes.server;
}
