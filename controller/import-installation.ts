import { readFile, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readConfig } from './config.ts';
import { importInstallation } from './disaster/import-installation.ts';
import { withOwnDatabase } from './disaster/open-database.ts';
import { readPassphrase, runProgram } from './disaster/run-program.ts';
import { Fault } from './errors.ts';
import { createLogger } from './log.ts';
import { Redactor } from './redactor.ts';

/** The program behind `containr server import`: the passphrase, if it is one, is the first line of standard input. */
await runProgram('containr server import', async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { identity: { type: 'string' }, 'keys-only': { type: 'boolean', default: false } },
  });
  const [file] = positionals;
  const { identity, 'keys-only': keysOnly } = values;
  if (file === undefined) throw new Fault('Invalid', 'Name the file.');
  const config = readConfig();
  const log = createLogger({ level: 'warn', redactor: new Redactor() });
  const opener =
    identity === undefined ? { passphrase: readPassphrase() } : { identities: await identitiesIn(identity) };
  const { dataDir } = config;
  const { header, objects, accounts, tokens } = await withOwnDatabase(config, log, (url) =>
    importInstallation({ url, dataDir, file, opener, keysOnly, now: new Date() }),
  );
  // The token that a first start may have left here opens nothing any more.
  if (tokens > 0) await rm(config.adminTokenFile, { force: true });
  const { installation, createdAt } = header;
  const lines = keysOnly
    ? [
        `Took the keys of the installation ${installation} into ${dataDir}.`,
        'Start the server and apply the manifests: guests that run are taken over, not made anew.',
      ]
    : [
        `Imported the installation ${installation} as of ${createdAt}: its keys, ${objects} objects, ${accounts} accounts, ${tokens} tokens.`,
        'Start the server. It changes nothing outside until you have looked: containr resume --installation',
      ];
  process.stdout.write(`${lines.join('\n')}\n`);
});

async function identitiesIn(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Fault('NotFound', `${path} cannot be read.`, { cause });
  });
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (identities.length === 0) throw new Fault('Invalid', `${path} has no age private key in it.`);
  return identities;
}
