import { describe, expect, it } from 'vitest';
import { createLogger } from './log.ts';
import { Redactor } from './redactor.ts';

function logTo(lines: string[], options: { pretty?: boolean } = {}) {
  const redactor = new Redactor();
  redactor.add('hunter2-secret');
  return createLogger({ level: 'info', redactor, write: (line) => void lines.push(line), ...options });
}

describe('createLogger', () => {
  it('writes one JSON object a line with level, time and the object it is about', () => {
    const lines: string[] = [];
    logTo(lines).child({ kind: 'Guest', namespace: 'shop', name: 'web' }).info('Started.');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      kind: 'Guest',
      namespace: 'shop',
      name: 'web',
      msg: 'Started.',
    });
    expect(lines[0]?.endsWith('}\n')).toBe(true);
  });

  it('writes nothing below its level', () => {
    const lines: string[] = [];
    logTo(lines).debug('Details.');
    expect(lines).toEqual([]);
  });

  it.each(['message', 'field', 'nested field', 'error', 'cause of an error', 'bound field'])(
    'keeps a secret out of the %s',
    (place) => {
      const lines: string[] = [];
      const log = logTo(lines);
      const secret = 'hunter2-secret';
      const cause = new Error(secret);
      switch (place) {
        case 'message':
          log.info(`It is ${secret}.`);
          break;
        case 'field':
          log.info({ secret }, 'x');
          break;
        case 'nested field':
          log.info({ a: [{ b: `x${secret}x` }] }, 'x');
          break;
        case 'error':
          log.error({ err: cause }, 'x');
          break;
        case 'cause of an error':
          log.error({ err: new Error('outer', { cause }) }, 'x');
          break;
        default:
          log.child({ secret }).info('x');
      }
      expect(lines.join('')).toContain('[redacted]');
      expect(lines.join('')).not.toContain(secret);
    },
  );

  it('writes for people at a terminal', () => {
    const lines: string[] = [];
    const log = logTo(lines, { pretty: true });
    log.child({ kind: 'Guest', namespace: 'shop', name: 'web', reconcileId: '1' }).warn({ node: 'pve1' }, 'Too slow.');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d WARN {2}Guest shop\/web Too slow. node=pve1\n$/);
  });

  it('shows people the stack of what is a bug, and the message of what is not', () => {
    const lines: string[] = [];
    const log = logTo(lines, { pretty: true });
    log.error({ err: new Error('broken') }, 'A bug.');
    log.warn({ err: new Error('away') }, 'No answer.');
    expect(lines[0]).toContain('log.test.ts');
    expect(lines[1]).toMatch(/No answer. \(away\)\n$/);
  });
});
