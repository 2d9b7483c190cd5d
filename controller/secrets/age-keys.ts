import { hkdfSync, webcrypto } from 'node:crypto';
import { SealedEnvelope } from '../../crds/sealed-value.ts';
import type { Keyring } from './keyring.ts';
import type { SecretPlace } from './secret-box.ts';

/** What a sealed value holds and which key it is sealed for, or why it cannot be opened: a sentence that shows nothing. */
export type Opening = { ok: true; value: string; keyId: string } | { ok: false; problem: string };

/** The key pairs (X25519, for age) that people seal values for. There is one for each key of the keyring. */
export interface AgeKeys {
  /** Of the keys, as the keyring calls them, oldest first. */
  readonly ids: readonly string[];
  /** The public key to seal for, `age1...`: that of the newest. */
  publicKey(): Promise<string>;
  /** Opens an armored age file, with the newest key that fits. A value for another place is a problem, not an answer. */
  open(place: SecretPlace, sealed: string): Promise<Opening>;
}

/** Private keys are derived, so that a backup of `keys.json` is one of them too. Loads the age library when first used. */
export function createAgeKeys({ keys }: Pick<Keyring, 'keys'>): AgeKeys {
  const ids = keys.map(({ id }) => id);
  let loaded: ReturnType<typeof load> | undefined;

  async function load() {
    const age = await import('age-encryption');
    const pairs = await Promise.all(
      keys.toReversed().map(async ({ id, key }) => {
        const identity = await ageIdentity(key);
        const decrypter = new age.Decrypter();
        decrypter.addIdentity(identity);
        return { id, identity, decrypter };
      }),
    );
    return { age, pairs };
  }

  return {
    ids,

    async publicKey() {
      const { age, pairs } = await (loaded ??= load());
      const [newest] = pairs;
      if (!newest) throw new Error('A keyring has at least one key.');
      return age.identityToRecipient(newest.identity);
    },

    async open(place, sealed) {
      const { age, pairs } = await (loaded ??= load());
      const where = `The sealed value "${place.key}" of the Secret "${place.name}" in namespace "${place.namespace}"`;
      const again = 'Seal it anew: containr secret seal.';
      const file = await orNothing(async () => age.armor.decode(sealed));
      if (!file) return { ok: false, problem: `${where} is damaged. ${again}` };
      for (const { id, decrypter } of pairs) {
        const fits = await orNothing(() => decrypter.decryptHeader(file));
        if (!fits) continue;
        const text = await orNothing(() => decrypter.decrypt(file, 'text'));
        if (text === undefined) return { ok: false, problem: `${where} is damaged. ${again}` };
        const reading = readEnvelope(place, text);
        return reading.ok ? { ...reading, keyId: id } : { ok: false, problem: `${where} ${reading.problem} ${again}` };
      }
      const problem = `${where} does not open with the keys of this installation: it is damaged, sealed for another installation, or its key was lost.`;
      return {
        ok: false,
        problem: `${problem} Restore keys.json from a backup, or seal it anew: containr secret seal.`,
      };
    },
  };
}

function readEnvelope(
  { namespace, name, key }: SecretPlace,
  text: string,
): { ok: true; value: string } | { ok: false; problem: string } {
  const parsed = SealedEnvelope.safeParse(jsonOf(text));
  if (!parsed.success) return { ok: false, problem: 'is not what "containr secret seal" makes.' };
  const { data } = parsed;
  // Which other place it was sealed for is not for everybody who got hold of it.
  if (data.namespace !== namespace) return { ok: false, problem: 'was sealed for another project.' };
  if (data.name !== name) return { ok: false, problem: 'was sealed for another Secret.' };
  if (data.key !== key) return { ok: false, problem: 'was sealed for another key.' };
  return { ok: true, value: data.value };
}

/** What the age library cannot do it throws; here that is an answer like any other. */
async function orNothing<T>(attempt: () => Promise<T>): Promise<T | undefined> {
  try {
    return await attempt();
  } catch {
    return undefined;
  }
}

/** What comes before the 32 bytes of an X25519 key in PKCS #8, the only form besides JWK in which one can be taken in. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** The private key (X25519) that belongs to a key of the keyring. */
export function ageIdentity(key: Buffer): Promise<webcrypto.CryptoKey> {
  const bytes = Buffer.from(hkdfSync('sha256', key, '', 'containr/age', 32));
  const pkcs8 = Buffer.concat([PKCS8_PREFIX, bytes]);
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { name: 'X25519' }, false, ['deriveBits']);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
