import { describe, expect, it } from 'vitest';
import { findCondition } from '../../crds/condition.ts';
import { Proxy } from '../../crds/proxy.ts';
import { ProxyFault } from '../providers/proxy/fault.ts';
import type { TableState } from '../providers/proxy/route-table.ts';
import { testObject } from '../shared/testing.ts';
import { reportProxy, type ProxyFindings } from './report.ts';

const proxy = testObject(Proxy, 'default', { endpoint: 'http://127.0.0.1:2019' }, { routes: 7 });
const good: TableState = { routes: 3, keepsStreams: true, trouble: undefined };
const reached = (state: Partial<TableState> = {}): ProxyFindings => ({ reached: true, state: { ...good, ...state } });

describe('reportProxy', () => {
  it.each<[string, ProxyFindings, string, RegExp, number]>([
    ['says that all is well', reached(), 'ProxyReachable', /has our routes\.$/, 3],
    ['warns of a version that closes WebSockets', reached({ keepsStreams: false }), 'ProxyReachable', /WebSockets/, 3],
    [
      'repeats what the proxy refuses',
      reached({ trouble: new ProxyFault('refused', 'Port 80 is taken.') }),
      'ProxyRefuses',
      /^Port 80 is taken\.$/,
      3,
    ],
    [
      'takes nothing back when it saw nothing',
      { reached: false, message: 'It does not answer.' },
      'ProxyUnreachable',
      /^It does not answer\.$/,
      7,
    ],
  ])('%s', (_, findings, reason, words, routes) => {
    const status = reportProxy(proxy, proxy.status, findings, new Date('2026-01-01T00:00:00Z'));
    const ready = findCondition(status.conditions, 'Ready');
    expect(ready?.reason).toBe(reason);
    expect(ready?.message).toMatch(words);
    expect(status.routes).toBe(routes);
  });
});
