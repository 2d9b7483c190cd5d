import type { AgeStreams } from '../../controller/secrets/age-streams.ts';
import { Fault } from '../../controller/errors.ts';

const HEAD = Buffer.from('sealed:');

/** Streams that are not what they were on the way, and are when they come back; within the turn of a scenario. */
export const fakeAge: AgeStreams = {
  async *encrypt(source, recipients) {
    yield HEAD;
    yield Buffer.from(`${recipients.join(',')}:`);
    for await (const chunk of source) yield chunk.map((byte) => byte ^ 0x5a);
  },
  async *decrypt(source) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    const all = Buffer.concat(chunks);
    if (!all.subarray(0, HEAD.length).equals(HEAD)) throw new Fault('Invalid', 'What is encrypted is damaged.');
    yield all.subarray(all.indexOf(':', HEAD.length) + 1).map((byte) => byte ^ 0x5a);
  },
};
