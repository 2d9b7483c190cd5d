import { describe, expect, it } from 'vitest';
import { Fault, type FaultCode } from './errors.ts';
import { outcomeOf } from './outcome.ts';

describe('outcomeOf', () => {
  it.each<[FaultCode, string, string]>([
    ['Invalid', 'stalled', 'Rejected'],
    ['Denied', 'retry', 'AccessDenied'],
    ['NotFound', 'retry', 'WorldMoved'],
    ['AlreadyExists', 'retry', 'WorldMoved'],
    ['Conflict', 'retry', 'WorldMoved'],
    ['Throttled', 'retry', 'Throttled'],
    ['Unavailable', 'retry', 'ProviderUnavailable'],
    ['Exhausted', 'retry', 'StorageFull'],
    ['Expired', 'retry', 'WorldMoved'],
    ['Fenced', 'retry', 'WorldMoved'],
    ['ObserveOnly', 'waiting', 'ObserveOnly'],
  ])('makes of %s: %s, %s', (code, type, reason) => {
    expect(outcomeOf(new Fault(code, 'It went wrong.'))).toMatchObject({ type, reason });
  });

  it('waits as long as it is told to slow down', () => {
    expect(outcomeOf(new Fault('Throttled', 'Slower.', { retryAfterMs: 7_000 }))).toMatchObject({ afterMs: 7_000 });
  });

  it('shows nothing of a bug but where to read on', () => {
    const outcome = outcomeOf(new TypeError('x is not a function'));
    expect(outcome).toMatchObject({ type: 'retry', reason: 'InternalError' });
    expect(JSON.stringify(outcome)).not.toContain('function');
  });
});
