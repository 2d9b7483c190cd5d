import { isDeepStrictEqual } from 'node:util';
import { childName } from '../../crds/child-name.ts';
import { durationMs } from '../../crds/duration.ts';
import { quantityBytes } from '../../crds/quantity.ts';
import { buildInputsOf, guestInputsOf } from '../../crds/revision-inputs.ts';
import { Service, type ServiceSpec } from '../../crds/service.ts';
import type { ApiObject } from '../objects.ts';
import type { Action, KnownWorld, ObjectChange } from './forecast.ts';
import { likelyPlace, placeText } from './likely-place.ts';

/** What happens for one service. Pure. */
export function forecastService(
  { before, after }: ObjectChange,
  world: KnownWorld,
): { actions: Action[]; downtime: string | undefined } {
  const object = after ?? before;
  const was = before && Service.specSchema.parse(before.spec ?? {});
  const will = after && Service.specSchema.parse(after.spec ?? {});
  if (!object) return { actions: [], downtime: undefined };
  const guests = guestsOf(object, world);
  if (!will) {
    const actions = [
      ...guests.map(destroyed),
      ...volumesGoing(object, was?.volumes ?? [], world),
      ...routesOf(object, was, undefined),
    ];
    return { actions, downtime: guests.length > 0 ? 'for good: the service goes' : undefined };
  }
  const isBuilt = !was || !isDeepStrictEqual(buildInputsOf(was), buildInputsOf(will));
  const isRolled = isBuilt || !isDeepStrictEqual(guestInputsOf(was), guestInputsOf(will));
  const isHeld = will.rollout.paused && isRolled;
  const wanted = will.suspended || will.type === 'cron' ? 0 : will.replicas;
  const rolled = isRolled && !isHeld && wanted > 0;
  const actions: Action[] = [
    ...(isHeld ? [note('the new revision is held back: spec.rollout.paused')] : []),
    ...(isBuilt && !isHeld ? [build(was, will)] : []),
    ...(isRolled && !isBuilt && !isHeld ? [note('no build: the image of the revision before is used')] : []),
    ...guestActions(object, { spec: will, guests, wanted, rolled, isFirst: was === undefined }, world),
    ...volumeActions(object, was, will, world),
    ...routesOf(object, was, will),
  ];
  return { actions, downtime: downtimeOf(will, { rolled, guests: guests.length, wanted }) };
}

interface Rolling {
  spec: ServiceSpec;
  guests: readonly ApiObject[];
  wanted: number;
  rolled: boolean;
  isFirst: boolean;
}

function guestActions(
  object: ApiObject,
  { spec, guests, wanted, rolled, isFirst }: Rolling,
  world: KnownWorld,
): Action[] {
  const { name } = object.metadata;
  const latest = Number(object.status?.['latestRevision'] ?? 0);
  const revision = rolled || isFirst ? latest + 1 : latest;
  const nameAt = (index: number): string => childName(childName(name, `r${Math.max(1, revision)}`), String(index));
  const place = likelyPlace(spec.region, world);
  const where = placeText(place, spec.resources.storage, nodeOfVolumes(object, spec, world) ?? place?.node);
  const added = (index: number): Action => ({ sign: '+', what: 'guest', text: `guest ${nameAt(index)}${where}` });
  if (!rolled) {
    const more = Array.from({ length: Math.max(0, wanted - guests.length) }, (_, index) =>
      added(guests.length + index),
    );
    return [...more, ...guests.slice(wanted).map(destroyed)];
  }
  return [
    ...Array.from({ length: wanted }, (_, index): Action => {
      const old = guests[index];
      return old
        ? { sign: '-/+', what: 'guest', text: `${shownGuest(old)} is replaced by ${nameAt(index)}${where}` }
        : added(index);
    }),
    ...guests.slice(wanted).map(destroyed),
  ];
}

function downtimeOf(
  { rollout, volumes, healthCheck }: ServiceSpec,
  { rolled, guests, wanted }: { rolled: boolean; guests: number; wanted: number },
): string | undefined {
  if (guests === 0) return undefined;
  if (wanted === 0) return 'until it is scaled up or resumed again';
  if (!rolled) return undefined;
  if (rollout.strategy === 'Rolling' && volumes.length === 0) return 'none: one guest takes over from another';
  const seconds = Math.ceil((durationMs(rollout.drain) + durationMs(healthCheck?.startPeriod ?? '2s')) / 1_000);
  const why = volumes.length > 0 ? 'a volume has one guest at a time' : 'spec.rollout.strategy is Recreate';
  return `about ${seconds} s, to stop the old guest and start the new one (${why})`;
}

function build(was: ServiceSpec | undefined, will: ServiceSpec): Action {
  const what = will.source.type === 'image' ? `image ${will.source.image}` : `${will.source.repository}`;
  const why = was === undefined ? '' : was.restartedAt === will.restartedAt ? '' : ', for the restart';
  return { sign: '+', what: 'build', text: `build of ${what}${why}; one that is known already is used again` };
}

function volumeActions(
  object: ApiObject,
  was: ServiceSpec | undefined,
  will: ServiceSpec,
  world: KnownWorld,
): Action[] {
  const storage = likelyPlace(will.region, world)?.storage;
  const kept = will.volumes.flatMap((volume): Action[] => {
    const old = was?.volumes.find(({ name }) => name === volume.name);
    const name = childName(object.metadata.name, volume.name);
    if (!old) {
      const on = storage === undefined ? '' : ` on ${storage}`;
      const known = world.volumes.some(({ metadata }) => isIn(metadata, object, name));
      return known
        ? [{ sign: ' ', what: 'disk', text: `volume ${name} is there already and kept` }]
        : [{ sign: '+', what: 'disk', text: `volume ${name}, ${volume.size}${on}` }];
    }
    const [from, to] = [quantityBytes(old.size), quantityBytes(volume.size)];
    if (from === to) return [];
    return to > from
      ? [{ sign: '~', what: 'disk', text: `volume ${name} grows from ${old.size} to ${volume.size}, while in use` }]
      : [{ sign: ' ', what: 'disk', text: `volume ${name} stays at ${old.size}: it cannot shrink` }];
  });
  const gone = (was?.volumes ?? []).filter(({ name }) => will.volumes.every((volume) => volume.name !== name));
  return [...kept, ...volumesGoing(object, gone, world)];
}

function volumesGoing(object: ApiObject, volumes: ServiceSpec['volumes'], world: KnownWorld): Action[] {
  return volumes.map(({ name: short, retain }) => {
    const name = childName(object.metadata.name, short);
    const volume = world.volumes.find(({ metadata }) => isIn(metadata, object, name));
    const volid = volume?.status?.['volid'];
    const shown = `volume ${name}${volid === undefined ? '' : ` (${String(volid)})`}`;
    return retain
      ? { sign: ' ', what: 'disk', text: `${shown} is kept, with a guest that is never started` }
      : { sign: '-', what: 'disk', text: `${shown} is destroyed with its data: retain is false` };
  });
}

function routesOf(object: ApiObject, was: ServiceSpec | undefined, will: ServiceSpec | undefined): Action[] {
  const hosts = (spec: ServiceSpec | undefined): ServiceSpec['domains'] => (spec?.type === 'web' ? spec.domains : []);
  const [before, after] = [hosts(was), hosts(will)];
  const added = after.filter((domain) => !before.some((one) => isDeepStrictEqual(one, domain)));
  const gone = before.filter(({ host }) => after.every((one) => one.host !== host));
  return [
    ...added.map(({ host, tls }): Action => {
      const known = before.some((one) => one.host === host);
      const certificate =
        tls === 'off'
          ? 'without a certificate'
          : tls === 'auto'
            ? 'with a certificate'
            : 'with an internal certificate';
      return {
        sign: known ? '~' : '+',
        what: 'route',
        text: `route of ${object.metadata.name}: ${host}, ${certificate}`,
      };
    }),
    ...gone.map(({ host }): Action => ({
      sign: '-',
      what: 'route',
      text: `route of ${object.metadata.name}: ${host}`,
    })),
  ];
}

/** Its guests that stay as they are as long as nobody asks for other ones, by name. */
function guestsOf({ metadata }: ApiObject, { guests }: KnownWorld): ApiObject[] {
  return guests
    .filter((guest) => guest.metadata.namespace === metadata.namespace)
    .filter((guest) => guest.metadata.labels?.['containr.dev/service'] === metadata.name)
    .filter((guest) => guest.metadata.labels?.['containr.dev/deployment'] !== undefined)
    .filter((guest) => guest.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

function nodeOfVolumes(object: ApiObject, { volumes }: ServiceSpec, world: KnownWorld): string | undefined {
  const names = new Set(volumes.map(({ name }) => childName(object.metadata.name, name)));
  const made = world.volumes.find(
    ({ metadata }) => metadata.namespace === object.metadata.namespace && names.has(metadata.name),
  );
  const node = made?.status?.['node'];
  return typeof node === 'string' ? node : undefined;
}

function isIn(metadata: ApiObject['metadata'], object: ApiObject, name: string): boolean {
  return metadata.namespace === object.metadata.namespace && metadata.name === name;
}

function destroyed(guest: ApiObject): Action {
  return { sign: '-', what: 'guest', text: `${shownGuest(guest)} is destroyed` };
}

/** `guest web-r1-0 (20001 on pve1)`. */
export function shownGuest({ metadata, status }: ApiObject): string {
  const [vmid, node] = [status?.['vmid'], status?.['node']];
  return `guest ${metadata.name}${vmid === undefined ? '' : ` (${String(vmid)} on ${String(node)})`}`;
}

function note(text: string): Action {
  return { sign: ' ', what: 'note', text };
}
