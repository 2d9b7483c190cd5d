import { Fault } from '../../../controller/errors.ts';

/** What the supervisor sends after LOGS, piece by piece. */
export type LogPiece =
  /** The log goes on at `offset`; what lies between `from` and there is gone. */
  | { type: 'position'; from: number; offset: number }
  | {
      type: 'frame';
      stream: 'stdout' | 'stderr' | 'system';
      time: Date;
      data: Buffer;
      /** The line goes on in another frame. */
      more: boolean;
      /** Offset just behind the frame. */
      end: number;
    };

export interface FrameParser {
  /** The pieces that are whole with this chunk. Throws Unavailable for what is no log. */
  add(chunk: Buffer): LogPiece[];
}

const streams = { o: 'stdout', e: 'stderr', s: 'system' } as const;
const header = /^([oOeEs]) (\d{13})\d{6} (\d{1,5})$/;
const maxHeaderBytes = 128;

/** Reads positions and frames; guest/README.md has their form. Keeps no more than one frame. */
export function createFrameParser(): FrameParser {
  let rest: Buffer = Buffer.alloc(0);
  let offset: number | undefined;

  function takePosition(line: string): LogPiece {
    const [, from, to] = /^(?:FROM|GAP (\d{1,16})) (\d{1,16})$/.exec(line) ?? [];
    if (to === undefined) throw noLog(line);
    offset = Number(to);
    return { type: 'position', from: Number(from ?? to), offset };
  }

  return {
    add(chunk) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const pieces: LogPiece[] = [];
      while (bytes.length > 0) {
        const lineEnd = bytes.subarray(0, maxHeaderBytes).indexOf(0x0a);
        if (lineEnd < 0 && bytes.length >= maxHeaderBytes) throw noLog(bytes.toString('latin1', 0, 40));
        if (lineEnd < 0) break;
        const line = bytes.toString('latin1', 0, lineEnd);
        const [, letter = '', milliseconds, length] = header.exec(line) ?? [];
        if (length === undefined || offset === undefined) {
          pieces.push(takePosition(line));
          bytes = bytes.subarray(lineEnd + 1);
          continue;
        }
        const size = lineEnd + 1 + Number(length) + 1;
        if (bytes.length < size) break;
        if (bytes[size - 1] !== 0x0a) throw noLog(line);
        offset += size;
        const stream = streamOf(letter);
        const data = bytes.subarray(lineEnd + 1, size - 1);
        const time = new Date(Number(milliseconds));
        pieces.push({ type: 'frame', stream, time, data, more: letter !== letter.toLowerCase(), end: offset });
        bytes = bytes.subarray(size);
      }
      // A copy, for a few bytes would keep the whole chunk.
      rest = Buffer.from(bytes);
      return pieces;
    },
  };
}

function streamOf(letter: string): (typeof streams)[keyof typeof streams] {
  switch (letter.toLowerCase()) {
    case 'o':
      return streams.o;
    case 'e':
      return streams.e;
    default:
      return streams.s;
  }
}

function noLog(line: string): Fault {
  return new Fault('Unavailable', `The guest's supervisor sent what is no log: ${JSON.stringify(line)}.`);
}
