import { describe, expect, it } from 'vitest';
import { createFrameParser, type LogPiece } from './frames.ts';
import { frame } from './testing.ts';

function parse(bytes: Buffer, size: number): LogPiece[] {
  const parser = createFrameParser();
  const pieces: LogPiece[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(...parser.add(bytes.subarray(at, at + size)));
  return pieces;
}

const at = (text: string) => Buffer.from(text);

describe('createFrameParser', () => {
  const first = frame('o', 'hello');
  const second = frame('E', Buffer.from('a\nb\0c'));
  const third = frame('s', 'event=boot version=1', 1_700_000_000_123);
  const log = Buffer.concat([at('FROM 100\n'), first, second, at('GAP 150 1000\n'), third, frame('e', '')]);

  it.each([1, 2, 7, 64, 100_000])('reads positions and frames that come %d bytes at a time', (size) => {
    expect(parse(log, size)).toEqual([
      { type: 'position', from: 100, offset: 100 },
      {
        type: 'frame',
        stream: 'stdout',
        time: new Date(1_700_000_000_000),
        data: at('hello'),
        more: false,
        end: 100 + first.length,
      },
      {
        type: 'frame',
        stream: 'stderr',
        time: new Date(1_700_000_000_000),
        data: at('a\nb\0c'),
        more: true,
        end: 100 + first.length + second.length,
      },
      { type: 'position', from: 150, offset: 1000 },
      {
        type: 'frame',
        stream: 'system',
        time: new Date(1_700_000_000_123),
        data: at('event=boot version=1'),
        more: false,
        end: 1000 + third.length,
      },
      {
        type: 'frame',
        stream: 'stderr',
        time: new Date(1_700_000_000_000),
        data: at(''),
        more: false,
        end: 1000 + third.length + frame('e', '').length,
      },
    ]);
  });

  it.each<[string, Buffer]>([
    ['a frame before any position', first],
    ['a line without end', Buffer.alloc(200, 'x')],
    ['an error', at('ERR no\n')],
    ['a frame of another form', at('FROM 0\no 12 3\nabc\n')],
    ['a frame that is too long', at('FROM 0\no 1700000000000000000 999999\n')],
    ['a frame that ends elsewhere', Buffer.concat([at('FROM 0\n'), at('o 1700000000000000000 3\nabcd\n')])],
  ])('refuses %s', (_, bytes) => {
    expect(() => parse(bytes, 1000)).toThrow(/no log/);
  });
});
