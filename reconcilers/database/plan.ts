import { quantityBytes } from '../../crds/quantity.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { Build } from '../../crds/build.ts';
import type { Database } from '../../crds/database.ts';
import type { Resource } from '../../crds/define-kind.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Artifact } from '../../crds/workload.ts';
import { SERIES_LABEL } from '../shared/database-engine.ts';
import { stableHash } from '../shared/stable-hash.ts';
import { troubleOf, type Trouble } from '../shared/trouble.ts';
import { SAFEGUARD_OF } from '../shared/volume-login.ts';
import { ASKED_AT, ENGINE_LABEL, RELEASED_FROM, credentialsName, guestName, guestOf, volumeName } from './children.ts';
import { isOlder } from './engines/engine-version.ts';
import { planSize } from './engines/plan-size.ts';
import type { DatabaseView } from './observe.ts';

/** What a database's loop does next; at most one thing in a pass. */
export type DatabasePlan =
  /** The spec cannot be carried out; what runs goes on running. */
  | { do: 'refuse'; trouble: Trouble }
  | { do: 'createSecret' }
  | { do: 'adoptSecret' }
  | { do: 'createVolume' }
  | { do: 'adoptVolume' }
  | { do: 'changeVolume'; size: string }
  | { do: 'createBuild' }
  | { do: 'removeBuild'; build: Build }
  | { do: 'await'; trouble: Trouble }
  /** Its archive is not the one that is asked for; it goes before the next one comes, for they share volume and address. */
  | { do: 'removeGuest'; guest: Guest }
  | { do: 'claimVolume'; guest: string }
  | { do: 'createGuest'; artifact: Artifact }
  | { do: 'changeGuest'; guest: Guest }
  /** All is as asked for; what remains is to ask the database itself. */
  | { do: 'look'; guest: Guest };

/** A build that failed is tried again after so long: registries come back. */
const BUILD_REST_MS = 10 * 60_000;

/** The first thing that has to be done, in the order in which it must be. Pure. */
export function planDatabase(view: DatabaseView, now: Date): DatabasePlan {
  return refusal(view) ?? planParts(view) ?? planRestoring(view) ?? planBuild(view, now) ?? planGuest(view);
}

/** What is asked for and cannot be had, though all else is done. Pure. */
export function shrinkRefusal({ database, definition, volume }: DatabaseView): Trouble | undefined {
  const { storage } = planSize(definition, database.spec.plan);
  if (!volume || quantityBytes(storage) >= quantityBytes(volume.spec.size)) return undefined;
  const message = `The plan ${database.spec.plan} has ${storage} of storage, and the volume ${volume.metadata.name} with ${volume.spec.size} cannot shrink. Processor and memory are as the plan has them. Choose a larger plan, or restore a backup to a new database.`;
  return { reason: 'ShrinkRefused', message };
}

function refusal(view: DatabaseView): DatabasePlan | undefined {
  const { database, definition, version, secret, credentials, volume, guests } = view;
  const { spec, status } = database;
  const unsourced = sourceRefusal(view);
  if (unsourced) return unsourced;
  if (!version.ok) return refuse('Rejected', version.message);
  const foreign = [secret, volume].find((part) => part !== undefined && !isOursToTake(part, database));
  if (foreign) {
    const words = `The ${foreign.kind} ${foreign.metadata.name} exists and does not belong to the database.`;
    return refuse('Rejected', `${words} Rename or delete it, or give the database another name.`);
  }
  if (!secret && (guests.length > 0 || volume?.status.volid !== undefined)) {
    const words = `The Secret ${credentialsName(database)} is gone, and the data are set up with the login in it.`;
    return refuse('SecretNotFound', `${words} Create it again with username, password and database.`);
  }
  if (credentials && 'message' in credentials) return { do: 'refuse', trouble: credentials };
  const { [ENGINE_LABEL]: engine = definition.engine, [SERIES_LABEL]: series = version.series } =
    volume?.metadata.labels ?? {};
  if (engine !== definition.engine)
    return refuse('Rejected', `The data are those of ${engine}. Set spec.engine back, or make a new database.`);
  if (series !== version.series) {
    const words = `The data are those of ${definition.title} ${series}, which ${version.series} does not read.`;
    return refuse('Rejected', `${words} Set spec.version back, make a new database, and bring the data over.`);
  }
  if (volume?.status.volid !== undefined && volume.spec.region !== spec.region)
    return refuse('Rejected', `The data lie in region "${volume.spec.region}". Set spec.region back.`);
  if (status.version !== undefined && isOlder(version.version, status.version))
    return refuse('Rejected', `${definition.title} ${status.version} does not go back to ${version.version}.`);
  return undefined;
}

/** A backup of which a database is to be made has to fit, until it is made; nothing that is there is passed off for it. */
function sourceRefusal({ database, source, secret, volume, version }: DatabaseView): DatabasePlan | undefined {
  const { spec, metadata } = database;
  const isOwn = (part: Resource | undefined): boolean => part !== undefined && controllerOf(part)?.uid === metadata.uid;
  if (!source || (isOwn(secret) && isOwn(volume))) return undefined;
  const other = [secret, volume].find((part) => part !== undefined && !isOwn(part));
  if (other) {
    const words = `There is a ${other.kind} ${other.metadata.name} of an earlier database of this name, and spec.source asks for other data.`;
    return refuse('Rejected', `${words} Choose another name, or delete it.`);
  }
  if (!source.ok) return source.isFinal ? refuse(source.reason, source.message) : wait(source.reason, source.message);
  if (!version.ok || version.series === source.series) return undefined;
  const words = `Backup ${source.backup} has data of series ${source.series}, which ${version.series} does not read.`;
  return refuse('Rejected', `${words} Set spec.version to ${source.series}, or leave it out; spec is ${spec.version}.`);
}

/** Login and volume: what outlives guests. */
function planParts(view: DatabaseView): DatabasePlan | undefined {
  const { database, definition, secret, volume } = view;
  const { uid } = database.metadata;
  const leaving = [secret, volume].find((part) => part?.metadata.deletionTimestamp !== undefined);
  if (leaving)
    return wait(
      'Waiting',
      `The ${leaving.kind} ${leaving.metadata.name} is being removed; it is made anew after that.`,
    );
  if (!secret) return { do: 'createSecret' };
  if (controllerOf(secret)?.uid !== uid) return { do: 'adoptSecret' };
  if (!volume) return { do: 'createVolume' };
  if (controllerOf(volume)?.uid !== uid) return { do: 'adoptVolume' };
  const { storage } = planSize(definition, database.spec.plan);
  const grows = quantityBytes(storage) > quantityBytes(volume.spec.size);
  const size = grows ? storage : volume.spec.size;
  return grows || volume.spec.retain !== database.spec.retain ? { do: 'changeVolume', size } : undefined;
}

function planBuild({ database, build, definition }: DatabaseView, now: Date): DatabasePlan | undefined {
  if (!build) return { do: 'createBuild' };
  if (build.metadata.deletionTimestamp !== undefined) return wait('AwaitingBuild', 'The build is made anew.');
  const { phase, failure, completedAt, artifact } = build.status;
  if (phase === 'Succeeded' && artifact) return undefined;
  if (phase !== 'Failed' && phase !== 'Cancelled')
    return wait('AwaitingBuild', `The image of ${definition.title} is being fetched.`);
  const isAskedAnew = build.metadata.annotations?.[ASKED_AT] !== (database.spec.restartedAt ?? '');
  const restedMs = now.getTime() - Date.parse(completedAt ?? build.metadata.creationTimestamp);
  if (isAskedAnew || restedMs >= BUILD_REST_MS) return { do: 'removeBuild', build };
  const words = failure ?? 'The build failed.';
  return refuse('BuildFailed', `The image of ${definition.title} could not be fetched: ${words} It is tried again.`);
}

function planGuest(view: DatabaseView): DatabasePlan {
  const { database, definition, build, builds, guests, volume } = view;
  const artifact = build?.status.artifact;
  if (!artifact) return wait('AwaitingBuild', 'The image is being fetched.');
  const name = guestName(database, artifact);
  const other = guests.find(
    ({ metadata, spec }) =>
      metadata.name !== name ||
      metadata.deletionTimestamp !== undefined ||
      spec.mounts.some(({ volume: mounted }) => mounted !== volumeName(database)),
  );
  if (other) return { do: 'removeGuest', guest: other };
  if (volume?.spec.guest !== name) return { do: 'claimVolume', guest: name };
  const guest = guests.find(({ metadata }) => metadata.name === name);
  if (!guest) return { do: 'createGuest', artifact };
  const { manifest } = guestOf(database, definition, guest.spec.artifact);
  if (stableHash(comparable(manifest.spec)) !== stableHash(comparable(guest.spec))) return { do: 'changeGuest', guest };
  const old = builds.find(
    ({ metadata }) => metadata.name !== build?.metadata.name && metadata.deletionTimestamp === undefined,
  );
  return old ? { do: 'removeBuild', build: old } : { do: 'look', guest };
}

/** A guest is made where its data are, so they have to be there first. */
function planRestoring({ volume, build }: DatabaseView): DatabasePlan | undefined {
  // The image is fetched meanwhile.
  if (!build || !volume?.spec.source || volume.status.volid !== undefined) return undefined;
  const trouble = troubleOf(volume);
  if (trouble) return refuse(trouble.reason, trouble.message);
  return wait('Restoring', `Backup ${volume.spec.source.backup} is being restored to Volume ${volume.metadata.name}.`);
}

/** What it is made from and where it is stay as it was made. */
function comparable(spec: Guest['spec']): object {
  return { ...spec, artifact: undefined, address: undefined };
}

/** Ours already, or kept from an earlier database of this name. */
function isOursToTake(part: Resource, { metadata: { name, uid }, status: { volume: noted } }: Database): boolean {
  const owner = controllerOf(part)?.uid;
  if (owner !== undefined) return owner === uid;
  const { [RELEASED_FROM]: left, [SAFEGUARD_OF]: safeguard } = part.metadata.labels ?? {};
  return left === name || (safeguard === name && part.metadata.name === noted);
}

function refuse(reason: Trouble['reason'], message: string): DatabasePlan {
  return { do: 'refuse', trouble: { reason, message } };
}

function wait(reason: Trouble['reason'], message: string): DatabasePlan {
  return { do: 'await', trouble: { reason, message } };
}
