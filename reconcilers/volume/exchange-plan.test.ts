import { describe, expect, it } from 'vitest';
import { Restore } from '../../crds/backup.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Volume } from '../../crds/volume.ts';
import { planExchange, type Exchange, type ExchangeStep } from './exchange-plan.ts';

const AT = '2026-01-01T00:00:00.000Z';
const meta = (name: string) => ({
  name,
  namespace: 'shop',
  uid: name,
  resourceVersion: '1',
  generation: 1,
  creationTimestamp: AT,
});

function volume(name: string, exchange?: Partial<Exchange>): Volume {
  const whole = exchange && {
    restore: 'friday',
    with: name === 'data' ? 'new' : 'data',
    leads: name === 'data',
    turn: 1,
  };
  return {
    apiVersion: API_VERSION,
    kind: 'Volume',
    metadata: meta(name),
    spec: Volume.specSchema.parse({}),
    status: Volume.statusSchema.parse({
      volid: `disk-of-${name}`,
      ...(whole && { exchange: { ...whole, since: AT, stage: 'leaving', ...exchange } }),
    }),
  };
}

function restore(switchTo: string): Restore {
  return {
    apiVersion: API_VERSION,
    kind: 'Restore',
    metadata: meta('friday'),
    spec: Restore.specSchema.parse({ backup: 'one', target: { kind: 'Volume', name: 'data' } }),
    status: Restore.statusSchema.parse({ phase: 'Switching', inPlace: true, switchTo }),
  };
}

function target(
  own: Partial<Exchange> | undefined,
  other: Partial<Exchange> | undefined,
  switchTo = 'new',
): ExchangeStep {
  const data = volume('data', own);
  const partner = volume('new', other);
  const { exchange } = data.status;
  return planExchange({
    volume: data,
    exchange,
    restore: restore(switchTo),
    wanted: switchTo === 'new' ? partner : undefined,
    partner: exchange && partner,
    suitor: undefined,
  });
}

function follower(own: Partial<Exchange> | undefined, leader: Partial<Exchange> | undefined): ExchangeStep {
  const data = leader && volume('data', leader);
  const other = volume('new', own);
  const { exchange } = other.status;
  return planExchange({
    volume: other,
    exchange,
    restore: undefined,
    wanted: undefined,
    partner: exchange && data,
    suitor: data,
  });
}

const LEFT = { volid: 'disk-of-data' };

describe('planExchange', () => {
  it.each<[string, ExchangeStep, unknown]>([
    [
      'begins when a restore asks for it',
      target(undefined, undefined),
      { exchange: { stage: 'leaving', turn: 1, leads: true } },
    ],
    ['is parked first', target({}, undefined), { do: 'leave' }],
    ['keeps still until the other does', target({ stage: 'ready' }, {}), { do: 'wait' }],
    [
      'takes the disk of the other once that keeps still',
      target({ stage: 'ready' }, { stage: 'ready' }),
      { do: 'take', place: { volid: 'disk-of-new' } },
    ],
    [
      'takes nothing of one that is ready for another turn',
      target({ stage: 'ready' }, { stage: 'ready', turn: 2 }),
      { do: 'note', exchange: { stage: 'cancelled' } },
    ],
    [
      'cancels when the restore no longer asks',
      target({ stage: 'ready' }, { stage: 'ready' }, 'data'),
      { do: 'note', exchange: { stage: 'cancelled' } },
    ],
    [
      'says that nothing will begin when it is to keep its own',
      target(undefined, undefined, 'data'),
      { exchange: { stage: 'cancelled', turn: 1 } },
    ],
    [
      'is not through before the other has followed',
      target({ stage: 'taken' }, { stage: 'ready' }),
      { do: 'mark', isLast: false },
    ],
    [
      'is through when the other has followed',
      target({ stage: 'taken' }, { stage: 'taken' }),
      { do: 'mark', isLast: true },
    ],
    [
      'changes back when it is to have its own again',
      target({ stage: 'done' }, { stage: 'done' }, 'data'),
      { exchange: { stage: 'leaving', turn: 2 } },
    ],
    ['stays as it is when all is done', target({ stage: 'done' }, { stage: 'done' }), { do: 'nothing' }],
  ])('of the target: %s', (_, step, expected) => {
    expect(step).toMatchObject(Object(expected));
  });

  it.each<[string, ExchangeStep, unknown]>([
    ['joins in', follower(undefined, {}), { exchange: { stage: 'leaving', leads: false, with: 'data' } }],
    ['does not join in twice', follower({ stage: 'done' }, { stage: 'taken' }), { do: 'nothing' }],
    ['keeps still until the target has decided', follower({ stage: 'ready' }, { stage: 'ready' }), { do: 'wait' }],
    [
      'takes what the target left',
      follower({ stage: 'ready' }, { stage: 'taken', left: LEFT }),
      { do: 'take', place: LEFT },
    ],
    [
      'keeps its own when the target has cancelled',
      follower({ stage: 'ready' }, { stage: 'cancelled' }),
      { exchange: { stage: 'cancelled' } },
    ],
    [
      'keeps its own when the target is gone',
      follower({ stage: 'ready' }, undefined),
      { exchange: { stage: 'cancelled' } },
    ],
  ])('of the other: %s', (_, step, expected) => {
    expect(step).toMatchObject(Object(expected));
  });
});
