import { parseArgs } from 'node:util';
import { readConfig } from './config.ts';
import { withDatabase } from './disaster/open-database.ts';
import { readPassphrase, runProgram } from './disaster/run-program.ts';
import { writeExport } from './disaster/write-export.ts';
import { Fault } from './errors.ts';
import { createLogger } from './log.ts';
import { Redactor } from './redactor.ts';

/** The program behind `containr server export`: the passphrase, if it is one, is the first line of standard input. */
await runProgram('containr server export', async () => {
  const { values } = parseArgs({
    options: {
      output: { type: 'string' },
      recipient: { type: 'string', multiple: true, default: [] },
      audit: { type: 'boolean', default: false },
    },
  });
  const { output, recipient: recipients, audit: withAudit } = values;
  if (output === undefined) throw new Fault('Invalid', 'Name the file with --output.');
  const config = readConfig();
  const log = createLogger({ level: 'warn', redactor: new Redactor() });
  const lock = recipients.length > 0 ? { recipients } : { passphrase: readPassphrase() };
  if ('passphrase' in lock && lock.passphrase.length < 8)
    throw new Fault('Invalid', 'The passphrase must be 8 characters or longer; better are five random words.');
  const { dataDir, store } = config;
  const counts = await withDatabase(config, log, (url) =>
    writeExport({ url, dataDir, store, file: output, lock, withAudit, now: new Date() }),
  );
  const { installation, objects, accounts, tokens } = counts;
  const lines = [
    `Exported the installation ${installation} to ${output}: its keys, ${objects} objects, ${accounts} accounts, ${tokens} tokens.`,
    'Keep it on another machine, and apart from what opens it: whoever has both can read every Secret.',
    ...(store === 'kubernetes' ? ['Objects are in Kubernetes and not in this file. Back them up there.'] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
});
