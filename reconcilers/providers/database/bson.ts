import { WireError } from './wire.ts';

/** The few types that talking to MongoDB about itself needs. Numbers are sent as 32-bit integers. */
export type BsonValue = string | number | boolean | Buffer | BsonDocument;
export interface BsonDocument {
  readonly [key: string]: BsonValue;
}

/** A document as bytes. */
export function encodeBson(document: BsonDocument): Buffer {
  const parts = Object.entries(document).map(([key, value]) => encodeField(key, value));
  const body = Buffer.concat([...parts, Buffer.from([0])]);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** Bytes as a document; of lists the values by their index. Values of types that we do not need are left out. */
export function decodeBson(bytes: Buffer): BsonDocument {
  const length = bytes.readInt32LE(0);
  if (length < 5 || length > bytes.length) throw new WireError('its answer is not as it must be');
  const fields: Record<string, BsonValue> = {};
  let at = 4;
  while (at < length - 1) {
    const type = bytes.readUInt8(at);
    const end = bytes.indexOf(0, at + 1);
    const key = bytes.toString('utf8', at + 1, end);
    const { value, size } = decodeValue(type, bytes, end + 1);
    if (value !== undefined) fields[key] = value;
    at = end + 1 + size;
  }
  return fields;
}

function encodeField(key: string, value: BsonValue): Buffer {
  const [type, bytes] = encodeValue(value);
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${key}\0`), bytes]);
}

function encodeValue(value: BsonValue): [type: number, bytes: Buffer] {
  if (typeof value === 'string') {
    const text = Buffer.from(`${value}\0`);
    return [0x02, Buffer.concat([int32(text.length), text])];
  }
  if (typeof value === 'number') return [0x10, int32(value)];
  if (typeof value === 'boolean') return [0x08, Buffer.from([value ? 1 : 0])];
  if (Buffer.isBuffer(value)) return [0x05, Buffer.concat([int32(value.length), Buffer.from([0]), value])];
  return [0x03, encodeBson(value)];
}

function decodeValue(type: number, bytes: Buffer, at: number): { value: BsonValue | undefined; size: number } {
  switch (type) {
    case 0x01:
      return { value: bytes.readDoubleLE(at), size: 8 };
    case 0x02: {
      const length = bytes.readInt32LE(at);
      return { value: bytes.toString('utf8', at + 4, at + 3 + length), size: 4 + length };
    }
    case 0x03:
    case 0x04: {
      const length = bytes.readInt32LE(at);
      return { value: decodeBson(bytes.subarray(at, at + length)), size: length };
    }
    case 0x05: {
      const length = bytes.readInt32LE(at);
      return { value: bytes.subarray(at + 5, at + 5 + length), size: 5 + length };
    }
    case 0x08:
      return { value: bytes[at] === 1, size: 1 };
    case 0x10:
      return { value: bytes.readInt32LE(at), size: 4 };
    case 0x12:
      return { value: Number(bytes.readBigInt64LE(at)), size: 8 };
    case 0x07:
      return { value: undefined, size: 12 };
    case 0x09:
    case 0x11:
      return { value: undefined, size: 8 };
    case 0x0a:
      return { value: undefined, size: 0 };
    case 0x13:
      return { value: undefined, size: 16 };
    default:
      throw new WireError('its answer has a value of a kind that is not known');
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
