import { Fault } from '../errors.ts';
import { ageIdentity } from './age-keys.ts';
import type { Keyring } from './keyring.ts';

/** Streams that only this installation, and whom one names besides, can open. A few of age's pieces of 64 KiB are in memory. */
export interface AgeStreams {
  /** Throws Fault `Invalid` for a recipient that is none. */
  encrypt(source: AsyncIterable<Uint8Array>, recipients: readonly string[]): AsyncIterable<Uint8Array>;
  /** Throws Fault `Denied` when no key fits, `Invalid` for what is damaged or cut off; failures of the source as they are. */
  decrypt(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** Encrypts for the newest key of the keyring, and opens with each. Loads the age library when first used. */
export function createAgeStreams({ keys }: Pick<Keyring, 'keys'>): AgeStreams {
  return {
    async *encrypt(source, recipients) {
      const age = await import('age-encryption');
      const newest = keys.at(-1);
      if (!newest) throw new Error('A keyring has at least one key.');
      const encrypter = new age.Encrypter();
      encrypter.addRecipient(await age.identityToRecipient(await ageIdentity(newest.key)));
      for (const recipient of recipients) {
        try {
          encrypter.addRecipient(recipient);
        } catch {
          throw new Fault('Invalid', `"${recipient}" is no public key of age. Correct the recipients.`);
        }
      }
      yield* await encrypter.encrypt(ReadableStream.from(source));
    },

    async *decrypt(source) {
      const age = await import('age-encryption');
      const decrypter = new age.Decrypter();
      for (const { key } of keys) decrypter.addIdentity(await ageIdentity(key));
      const watched = watch(source);
      try {
        yield* await decrypter.decrypt(ReadableStream.from(watched.source));
      } catch (error) {
        const failure = watched.failed();
        if (failure) throw failure.error;
        // Of what the library throws nothing but the words tells these apart.
        const isForeign = error instanceof Error && /no identity matched/.test(error.message);
        if (isForeign)
          throw new Fault(
            'Denied',
            'It does not open with the keys of this installation. Restore keys.json from a backup.',
          );
        throw new Fault('Invalid', 'What is encrypted is damaged, or its end is missing.', { cause: error });
      }
    },
  };
}

/** The same stream, which remembers what it failed with: the library tells that in words of its own. */
function watch(source: AsyncIterable<Uint8Array>): {
  source: AsyncIterable<Uint8Array>;
  failed: () => { error: unknown } | undefined;
} {
  let failure: { error: unknown } | undefined;
  async function* handOn(): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  return { source: handOn(), failed: () => failure };
}
