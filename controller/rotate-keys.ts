import { readConfig } from './config.ts';
import { isFault } from './errors.ts';
import { addKey } from './secrets/keyring.ts';

/** The program behind `containr server rotate-keys`: adds a key to the data folder, of which a running server reads nothing. */
try {
  const { dataDir } = readConfig();
  const { keys } = await addKey(dataDir);
  process.stdout.write(
    `Added the key ${keys.at(-1)?.id ?? ''} to ${dataDir}/keys.json, which has ${keys.length} now. Back it up, and restart every server that uses it.\n`,
  );
} catch (error) {
  if (!isFault(error)) throw error;
  process.stderr.write(`containr server rotate-keys: ${error.message}\n`);
  process.exitCode = 1;
}
