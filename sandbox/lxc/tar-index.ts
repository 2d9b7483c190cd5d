import { readSync } from 'node:fs';
import { EngineError } from '../engine/engine.ts';

/** Where the content of a file lies in an uncompressed tar archive. */
export interface TarMember {
  offset: number;
  size: number;
}

const block = 512;

/**
 * Finds the files of an uncompressed tar archive by reading headers only, so that a large archive costs nothing. Names
 * are as the archive spells them; the last of several equal ones wins. Throws EngineError for what is no tar archive.
 */
export function indexTar(fd: number, fileSize: number): Map<string, TarMember> {
  const members = new Map<string, TarMember>();
  let longName: string | undefined;
  for (let position = 0; position + block <= fileSize;) {
    const header = read(fd, position, block);
    if (header.every((byte) => byte === 0)) break;
    if (checksumOf(header) !== octal(header, 148, 8))
      throw new EngineError('the archive is not an uncompressed tar file');
    const size = octal(header, 124, 12);
    const offset = position + block;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'x' || type === 'L') {
      const content = read(fd, offset, Math.min(size, 1024 * 1024)).toString('utf8');
      longName = type === 'L' ? content.replace(/\0.*$/s, '') : (paxPath(content) ?? longName);
    } else {
      if (type === '0' || type === '\0') members.set(longName ?? nameOf(header), { offset, size });
      longName = undefined;
    }
    position = offset + Math.ceil(size / block) * block;
  }
  return members;
}

function read(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  if (readSync(fd, buffer, 0, length, position) < length) throw new EngineError('the archive ends in the middle');
  return buffer;
}

function nameOf(header: Buffer): string {
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  return prefix !== '' && text(header, 257, 5) === 'ustar' ? `${prefix}/${name}` : name;
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString('utf8');
}

/** Octal digits, or a binary number when the first bit is set (files over 8 GiB). */
function octal(header: Buffer, start: number, length: number): number {
  if (((header[start] ?? 0) & 0x80) !== 0) {
    return header.subarray(start + 1, start + length).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  return Number.parseInt(text(header, start, length).trim() || '0', 8);
}

/** The sum of all bytes, with the checksum's own field read as spaces. */
function checksumOf(header: Buffer): number {
  return header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0);
}

/** Extended headers are lines of `LENGTH KEY=VALUE`. */
function paxPath(content: string): string | undefined {
  return /^\d+ path=(.*)$/m.exec(content)?.[1];
}
