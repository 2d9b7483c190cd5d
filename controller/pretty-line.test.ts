import { describe, expect, it } from 'vitest';
import { prettyLine } from './pretty-line.ts';

const record = { level: 'info', time: '2026-01-01T12:00:00.000Z', kind: 'Service', namespace: 'shop', name: 'web' };

describe('prettyLine', () => {
  it('puts what is known into one line', () => {
    expect(prettyLine(JSON.stringify({ ...record, msg: 'Started.', vmid: 101 }))).toBe(
      '12:00:00 INFO  Service shop/web Started. vmid=101',
    );
  });

  it('lets nothing that somebody else wrote pass for a line or a colour of ours', () => {
    const text = 'x\n12:00:00 FATAL all is lost\r\u001b[2J\u009b31m\u2028\u202e';
    for (const about of [{ msg: text }, { msg: '', url: text }, { msg: '', err: { message: text } }]) {
      const line = prettyLine(JSON.stringify({ ...record, ...about }));
      expect(line).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
      expect(line).toContain('x\\u000a12:00:00 FATAL');
    }
  });

  it('sets the stack of an error apart', () => {
    const err = { message: 'x', stack: 'Error: x\n12:00:00 FATAL\n    at here\u001b[2J' };
    expect(prettyLine(JSON.stringify({ ...record, level: 'error', msg: 'A bug.', err })).split('\n')).toEqual([
      '12:00:00 ERROR Service shop/web A bug.',
      '  Error: x',
      '  12:00:00 FATAL',
      '      at here\\u001b[2J',
    ]);
  });
});
