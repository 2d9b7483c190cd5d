import { MOST_SECRET_BYTES, type SealedEnvelope } from '../../crds/sealed-value.ts';
import { SecretKey } from '../../crds/secret.ts';
import { validateManifest, describeProblems } from '../../crds/validate.ts';
import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { readLocalText } from '../read-local-text.ts';
import { mergeSealed, sealedManifest } from '../sealed-manifest.ts';
import { readSecretInputs, type SecretInputs } from '../secret-inputs.ts';
import { plainLine, type Say } from '../text.ts';
import { fetchSealingKey } from './secret-key.ts';

export interface SealFlags extends SecretInputs {
  name: string;
  namespace: string;
  /** A file with the public key. */
  key?: string;
  mergeInto?: string;
}

/** Encrypts values here, and prints the Secret or puts them into one in a file. No value leaves this machine as it is. */
export async function sealSecret(connect: () => Promise<ApiClient>, flags: SealFlags, say: Say): Promise<void> {
  const { name, namespace, mergeInto } = flags;
  checkNames(namespace, name);
  const recipient = flags.key === undefined ? await fetchSealingKey(await connect()) : keyIn(flags.key);
  const values = await readSecretInputs(flags);
  for (const [key, value] of values) checkValue(key, value);
  const seal = await sealerFor(recipient);
  const sealed = new Map<string, string>();
  for (const [key, value] of values) sealed.set(key, await seal({ v: 1, namespace, name, key, value }));
  if (mergeInto === undefined) {
    say(sealedManifest(namespace, name, sealed).trimEnd());
    return;
  }
  mergeSealed(mergeInto, { namespace, name }, sealed);
  say(`Sealed ${[...sealed.keys()].join(', ')} into ${plainLine(mergeInto)}.`);
}

/** The library is loaded only here: nobody else needs it. */
async function sealerFor(recipient: string): Promise<(envelope: SealedEnvelope) => Promise<string>> {
  const { armor, Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient);
  } catch (cause) {
    throw new CliError('usage', 'The public key is damaged. Get it anew: containr secret key.', [], { cause });
  }
  return async (envelope) => armor.encode(await encrypter.encrypt(JSON.stringify(envelope)));
}

function keyIn(file: string): string {
  const key = readLocalText(file)
    .split(/\r?\n/)
    .find((line) => line.startsWith('age1'));
  if (key !== undefined) return key.trim();
  throw new CliError(
    'usage',
    `${file} has no line that begins with "age1". Get the key: containr secret key > ${file}`,
  );
}

/** What the server would refuse later is told now, before anything is asked for. */
function checkNames(namespace: string, name: string): void {
  const validated = validateManifest({
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Secret',
    metadata: { name, namespace },
    spec: {},
  });
  if (!validated.ok) throw new CliError('usage', describeProblems(validated.problems));
}

function checkValue(key: string, value: string): void {
  const named = SecretKey.safeParse(key);
  if (!named.success)
    throw new CliError('usage', `"${plainLine(key)}" cannot be a key: ${named.error.issues[0]?.message ?? ''}.`);
  if (value === '')
    throw new CliError('usage', `"${key}" has no value. Did what should have printed it fail? Nothing was sealed.`);
  if (Buffer.byteLength(value) > MOST_SECRET_BYTES)
    throw new CliError(
      'usage',
      `"${key}" is larger than ${MOST_SECRET_BYTES / 2 ** 10} KiB, the most a value may have.`,
    );
}
