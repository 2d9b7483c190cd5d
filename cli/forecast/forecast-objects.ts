import { isDeepStrictEqual } from 'node:util';
import { Database } from '../../crds/database.ts';
import { quantityBytes } from '../../crds/quantity.ts';
import { Volume } from '../../crds/volume.ts';
import { shownName } from '../objects.ts';
import { forecastService, shownGuest } from './forecast-service.ts';
import type { Action, KnownWorld, ObjectChange, ObjectForecast } from './forecast.ts';

/** What happens because of each object, those that stay as they are left out. Pure. */
export function forecastObjects(changes: readonly ObjectChange[], world: KnownWorld): ObjectForecast[] {
  return changes
    .filter(({ sign }) => sign !== ' ')
    .flatMap((change) => {
      const object = change.after ?? change.before;
      if (!object) return [];
      const { actions, downtime } = forecastOne(change, object.kind, world);
      const isReplaced = change.sign === '~' && actions.some(({ sign }) => sign === '-/+');
      return [
        {
          sign: isReplaced ? '-/+' : change.sign,
          name: shownName(object),
          project: object.metadata.namespace,
          actions,
          downtime,
        },
      ];
    });
}

function forecastOne(
  change: ObjectChange,
  kind: string,
  world: KnownWorld,
): { actions: Action[]; downtime: string | undefined } {
  switch (kind) {
    case 'Service':
      return forecastService(change, world);
    case 'Database':
      return forecastDatabase(change, world);
    case 'Volume':
      return { actions: volumeActions(change), downtime: undefined };
    case 'Project':
      return forecastProject(change, world);
    default:
      return { actions: [], downtime: undefined };
  }
}

function forecastDatabase(
  { before, after }: ObjectChange,
  { guests }: KnownWorld,
): { actions: Action[]; downtime: string | undefined } {
  const was = before && Database.specSchema.parse(before.spec ?? {});
  const will = after && Database.specSchema.parse(after.spec ?? {});
  const name = (after ?? before)?.metadata.name ?? '';
  const guest = guests.find(
    ({ metadata }) => metadata.name === before?.status?.['guest'] && metadata.namespace === before?.metadata.namespace,
  );
  const shown = guest ? shownGuest(guest) : `the guest of ${name}`;
  if (!will) {
    const volume: Action = was?.retain
      ? { sign: ' ', what: 'disk', text: 'its volume is kept, with a guest that is never started' }
      : { sign: '-', what: 'disk', text: 'its volume is destroyed with its data: retain is false' };
    return {
      actions: [{ sign: '-', what: 'guest', text: `${shown} is destroyed` }, volume],
      downtime: 'for good: the database goes',
    };
  }
  if (!was) {
    const actions: Action[] = [
      { sign: '+', what: 'guest', text: `guest of ${will.engine}, plan ${will.plan}` },
      { sign: '+', what: 'disk', text: 'volume for its data' },
    ];
    return { actions, downtime: undefined };
  }
  if (was.power !== will.power)
    return will.power === 'stopped'
      ? {
          actions: [{ sign: '~', what: 'database', text: `${shown} is stopped` }],
          downtime: 'until it is started again',
        }
      : { actions: [{ sign: '~', what: 'database', text: `${shown} is started` }], downtime: undefined };
  const restarts = (['version', 'plan', 'settings', 'restartedAt'] as const).filter(
    (field) => !isDeepStrictEqual(was[field], will[field]),
  );
  if (restarts.length === 0 || will.power === 'stopped') return { actions: [], downtime: undefined };
  const text = `${shown} is restarted, or made anew with the same volume, for ${restarts.join(', ')}`;
  return { actions: [{ sign: '~', what: 'database', text }], downtime: 'about a minute, to stop and start it' };
}

function volumeActions({ before, after }: ObjectChange): Action[] {
  const was = before && Volume.specSchema.parse(before.spec ?? {});
  const will = after && Volume.specSchema.parse(after.spec ?? {});
  const { name } = (after ?? before)?.metadata ?? { name: '' };
  if (!will)
    return was?.retain
      ? [{ sign: ' ', what: 'disk', text: `disk of ${name} is kept, with a guest that is never started` }]
      : [{ sign: '-', what: 'disk', text: `disk of ${name} is destroyed with its data: retain is false` }];
  if (!was) return [{ sign: '+', what: 'disk', text: `disk of ${will.size}, with the first guest that mounts it` }];
  const [from, to] = [quantityBytes(was.size), quantityBytes(will.size)];
  if (to > from)
    return [{ sign: '~', what: 'disk', text: `disk grows from ${was.size} to ${will.size}, while in use` }];
  return to < from ? [{ sign: ' ', what: 'disk', text: `disk stays at ${was.size}: it cannot shrink` }] : [];
}

/** A project takes everything in it with it. */
function forecastProject(
  { before, after }: ObjectChange,
  { guests }: KnownWorld,
): { actions: Action[]; downtime: string | undefined } {
  const isStopped = after?.spec?.['suspended'] === true && before?.spec?.['suspended'] !== true;
  if (after && !isStopped) return { actions: [], downtime: undefined };
  const own = guests.filter(({ metadata }) => metadata.namespace === before?.metadata.name);
  const actions = own.map((guest): Action => ({ sign: '-', what: 'guest', text: `${shownGuest(guest)} is destroyed` }));
  return {
    actions,
    downtime: own.length === 0 ? undefined : after ? 'until the project is resumed' : 'for good: the project goes',
  };
}
