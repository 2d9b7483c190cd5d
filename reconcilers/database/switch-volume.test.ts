import { describe, expect, it } from 'vitest';
import { Database } from '../../crds/database.ts';
import { Volume } from '../../crds/volume.ts';
import { controlledBy } from '../shared/owner.ts';
import { testGuest, testObject } from '../shared/testing.ts';
import { planSwitch, type SwitchView } from './switch-volume.ts';

const database = testObject(Database, 'main', { engine: 'postgresql' }, { volume: 'old' });
const old = { username: 'app', password: 'old', database: 'main' };
const other = { ...old, password: 'other' };

function owned(name: string): Volume {
  const volume = testObject(Volume, name, {});
  return { ...volume, metadata: { ...volume.metadata, ownerReferences: [controlledBy(database)] } };
}

const guestWith = (volume: string) => testGuest({ mounts: [{ volume, mountPath: '/d' }] });
const start: SwitchView = {
  database,
  wanted: testObject(Volume, 'new', {}),
  others: [owned('old')],
  guests: [guestWith('old')],
  secret: undefined,
  login: old,
  wantedLogin: other,
};
const stopped = { ...start, guests: [] };
const alone = { ...stopped, others: [] };
const taken = { ...alone, wanted: owned('new') };
const known = { ...taken, login: other };

describe('planSwitch', () => {
  it.each<[string, SwitchView, string | undefined]>([
    ['has the guest go before anything is touched', start, 'removeGuest'],
    ['lets go of what it has, then', stopped, 'letGo'],
    ['takes what is asked for', alone, 'take'],
    ['takes the login that its data know', taken, 'takeLogin'],
    ['takes no login where none is known', { ...taken, wantedLogin: undefined }, 'note'],
    ['notes it when all else is done', known, 'note'],
    [
      'is done when it is noted',
      { ...known, database: { ...database, status: { ...database.status, volume: 'new' } } },
      undefined,
    ],
    ['lets a guest be that has it already', { ...known, guests: [guestWith('new')] }, 'note'],
    [
      'goes back over the same steps, also from half-way',
      { ...start, wanted: testObject(Volume, 'old', {}), others: [owned('new')], guests: [] },
      'letGo',
    ],
  ])('%s', (_, view, step) => {
    expect(planSwitch(view)?.do).toBe(step);
  });
});
