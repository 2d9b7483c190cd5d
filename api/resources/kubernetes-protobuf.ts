import { Refused } from '../status.ts';

// What kubectl sends instead of JSON for kinds of Kubernetes itself. Of the format only what such questions need.

const MAGIC = Buffer.from('k8s\0');
const MOST_BYTES = 65_536;

/** The texts and messages of a message, by the number of their field; the last counts. Numbers are left out. */
export type ProtobufFields = ReadonlyMap<number, Buffer>;

/** Reads the object in a body of the type `application/vnd.kubernetes.protobuf`. Refuses what is none, or large. */
export async function readProtobufBody(request: Request): Promise<ProtobufFields> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MOST_BYTES) throw new Refused('RequestEntityTooLarge', `The body is larger than ${MOST_BYTES} bytes.`);
  }
  const bytes = Buffer.concat(chunks);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw unreadable();
  // Around the object is a message that names its kind; the object is its second field.
  const object = readProtobuf(bytes.subarray(MAGIC.length)).get(2);
  if (!object) throw unreadable();
  return readProtobuf(object);
}

/** Reads a message. Refuses what is none. */
export function readProtobuf(bytes: Buffer): ProtobufFields {
  const fields = new Map<number, Buffer>();
  let at = 0;
  function number(): number {
    let value = 0;
    // Numbers of more than seven bytes are none that anything here is counted by.
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = bytes[at];
      if (byte === undefined) throw unreadable();
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw unreadable();
  }
  function skip(length: number): Buffer {
    if (at + length > bytes.length) throw unreadable();
    at += length;
    return bytes.subarray(at - length, at);
  }
  while (at < bytes.length) {
    const tag = number();
    switch (tag % 8) {
      case 0:
        number();
        break;
      case 1:
        skip(8);
        break;
      case 2:
        fields.set(Math.floor(tag / 8), skip(number()));
        break;
      case 5:
        skip(4);
        break;
      default:
        throw unreadable();
    }
  }
  return fields;
}

function unreadable(): Refused {
  return new Refused('BadRequest', 'The body is not valid as application/vnd.kubernetes.protobuf.');
}
