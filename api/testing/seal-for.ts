import { armor, Encrypter } from 'age-encryption';
import type { SealedEnvelope } from '../../crds/sealed-value.ts';
import type { AgeKeys } from '../../controller/secrets/age-keys.ts';

/** A value sealed for an installation, as the command does it on somebody's machine. For tests. */
export async function sealFor(
  { ages }: { ages: Pick<AgeKeys, 'publicKey'> },
  envelope: Omit<SealedEnvelope, 'v'>,
): Promise<string> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(await ages.publicKey());
  return armor.encode(await encrypter.encrypt(JSON.stringify({ v: 1, ...envelope })));
}
