import { assert, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refused } from '../status.ts';
import { readProtobuf, readProtobufBody } from './kubernetes-protobuf.ts';

function refusalOf(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}

describe('readProtobuf', () => {
  it('reads texts by the number of their field, and passes over numbers', () => {
    const message = Buffer.from([
      0x08, 0x96, 0x01, 0x12, 2, 0x68, 0x69, 0x25, 0, 0, 0, 0, 0x19, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    expect([...readProtobuf(message)]).toEqual([[2, Buffer.from('hi')]]);
  });

  it('refuses whatever is no message, and never fails otherwise', () => {
    expect(refusalOf(() => readProtobuf(Buffer.from([0x12, 200, 1])))).toBeInstanceOf(Refused);
    expect(refusalOf(() => readProtobuf(Buffer.alloc(20, 0xff)))).toBeInstanceOf(Refused);
    assert(
      property(uint8Array({ maxLength: 64 }), (bytes) => {
        const result = refusalOf(() => readProtobuf(Buffer.from(bytes)));
        return result instanceof Map || result instanceof Refused;
      }),
    );
  });
});

describe('readProtobufBody', () => {
  const read = (body: Uint8Array<ArrayBuffer>) =>
    readProtobufBody(new Request('http://127.0.0.1/', { method: 'POST', body }));

  it('takes the object out of what is around it', async () => {
    const fields = await read(Buffer.from([0x6b, 0x38, 0x73, 0, 0x12, 4, 0x12, 2, 0x68, 0x69]));
    expect(fields.get(2)?.toString()).toBe('hi');
  });

  it('refuses other bodies, and large ones', async () => {
    await expect(read(Buffer.from('{}'))).rejects.toThrow('not valid as application/vnd.kubernetes.protobuf');
    await expect(read(Buffer.from([0x6b, 0x38, 0x73, 0]))).rejects.toBeInstanceOf(Refused);
    await expect(read(Buffer.alloc(70_000))).rejects.toThrow('larger');
  });
});
