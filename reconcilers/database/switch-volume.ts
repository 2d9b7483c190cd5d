import { Restore } from '../../crds/backup.ts';
import type { Database } from '../../crds/database.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { controlledBy } from '../shared/owner.ts';
import { LOGIN_KEYS, SAFEGUARD_OF, sameLogin, volumeLoginName } from '../shared/volume-login.ts';
import type { ActDeps } from './act.ts';
import { DATABASE_LABEL, RELEASED_FROM, credentialsName, secretOf } from './children.ts';
import { connectionUrl } from './engines/credentials.ts';
import { engines } from './engines/engines.ts';
import type { ReadSecret } from './observe.ts';

type Values = Readonly<Record<string, string>>;

/** A database, the volume that a restore wants it to have, and what stands in the way. */
export interface SwitchView {
  database: Database;
  wanted: Volume;
  /** Volumes of the database besides that one. */
  others: readonly Volume[];
  guests: readonly Guest[];
  secret: Secret | undefined;
  login: Values | undefined;
  /** What the data on the wanted volume know; undefined where it is not known to be another. */
  wantedLogin: Values | undefined;
}

/** One step from the volume that a database has to the one that it is to have; the same steps lead back. */
export type SwitchStep =
  | { do: 'removeGuest'; guest: Guest }
  | { do: 'letGo'; volume: Volume }
  | { do: 'take' }
  | { do: 'takeLogin'; login: Values }
  | { do: 'note' };

/** What a restore under way asks for; undefined when there is none, or its volume is not one that the database may have. */
export function observeSwitch(
  database: Database,
  read: ResourceReader,
  readSecret: ReadSecret,
): SwitchView | undefined {
  const { namespace = '', name, uid } = database.metadata;
  const [restore] = read
    .list(Restore, namespace)
    .filter(({ spec }) => spec.target.kind === 'Database' && spec.target.name === name)
    .filter(({ status }) => status.phase === 'Switching' || status.phase === 'PuttingBack')
    .filter(({ status }) => status.switchTo !== undefined)
    .sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1));
  const wanted = restore && read.get(Volume, { namespace, name: restore.status.switchTo ?? '' });
  if (!wanted || !mayHave(wanted, restore, database)) return undefined;
  const values = (secret: string): Values | undefined => {
    const reading = readSecret(namespace, secret);
    return reading.ok ? reading.values : undefined;
  };
  return {
    database,
    wanted,
    others: read.ownedBy(Volume, uid).filter(({ metadata }) => metadata.name !== wanted.metadata.name),
    guests: read.ownedBy(Guest, uid),
    secret: read.get(Secret, { namespace, name: credentialsName(database) }),
    login: values(credentialsName(database)),
    wantedLogin: values(volumeLoginName(wanted.metadata.name)),
  };
}

/**
 * The next step; undefined when all is as asked for. The guest goes before anything else moves, and the volume is noted as the
 * database's when everything else is done. Pure.
 */
export function planSwitch({
  database,
  wanted,
  others,
  guests,
  login,
  wantedLogin,
}: SwitchView): SwitchStep | undefined {
  const { uid } = database.metadata;
  const { name } = wanted.metadata;
  const guest = guests.find(
    ({ metadata, spec }) =>
      metadata.deletionTimestamp !== undefined || spec.mounts.some(({ volume }) => volume !== name),
  );
  if (guest) return { do: 'removeGuest', guest };
  const [volume] = others;
  if (volume) return { do: 'letGo', volume };
  if (controllerOf(wanted)?.uid !== uid) return { do: 'take' };
  if (wantedLogin && (!login || !sameLogin(wantedLogin, login))) return { do: 'takeLogin', login: wantedLogin };
  return database.status.volume === name ? undefined : { do: 'note' };
}

/** Carries out one step but the note, which the status takes. Asked for twice it comes to the same. */
export async function actOnSwitch(
  view: SwitchView,
  step: Exclude<SwitchStep, { do: 'note' }>,
  { write, seal }: Pick<ActDeps, 'write' | 'seal'>,
): Promise<void> {
  const { database, wanted } = view;
  switch (step.do) {
    case 'removeGuest':
      if (step.guest.metadata.deletionTimestamp === undefined) await write.delete(Guest, step.guest);
      return;
    case 'letGo': {
      const { guest: _, ...spec } = step.volume.spec;
      const ownerReferences = othersThan(step.volume, database.metadata.uid);
      const labels = { ...step.volume.metadata.labels, [SAFEGUARD_OF]: database.metadata.name };
      const metadata = { ...step.volume.metadata, ownerReferences, labels };
      await write.update(Volume, { ...step.volume, metadata, spec: { ...spec, retain: true } });
      return;
    }
    case 'take': {
      const { guest: _, ...spec } = wanted.spec;
      const { [SAFEGUARD_OF]: __, [RELEASED_FROM]: ___, ...rest } = wanted.metadata.labels ?? {};
      const labels = { ...rest, [DATABASE_LABEL]: database.metadata.name };
      const metadata = { ...wanted.metadata, labels, ownerReferences: [controlledBy(database)] };
      await write.update(Volume, { ...wanted, metadata, spec: { ...spec, retain: database.spec.retain } });
      return;
    }
    case 'takeLogin':
      return takeLogin(view, step.login, { write, seal });
    default:
      step satisfies never;
  }
}

async function takeLogin(
  { database, secret, login: before }: SwitchView,
  login: Values,
  { write, seal }: Pick<ActDeps, 'write' | 'seal'>,
): Promise<void> {
  const definition = engines[database.spec.engine];
  const [{ port }] = definition.ports;
  const { username = '', password = '', database: named = '' } = login;
  const host = before?.['host'];
  const values: Record<string, string> = {
    ...Object.fromEntries(LOGIN_KEYS.map((key) => [key, login[key] ?? ''])),
    port: String(port),
    ...(host !== undefined && { url: connectionUrl(definition, { username, password, database: named }, host) }),
  };
  const place = { namespace: database.metadata.namespace ?? '', name: credentialsName(database) };
  const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, seal({ ...place, key }, value)]));
  if (secret)
    await write.update(Secret, { ...secret, spec: { ...secret.spec, data: { ...secret.spec.data, ...data } } });
  else await write.create(Secret, secretOf(database, data));
}

/** The database's own, one that was taken from it, or the one that the restore made. */
function mayHave(volume: Volume, restore: Restore, { metadata }: Database): boolean {
  const owner = controllerOf(volume)?.uid;
  if (volume.metadata.deletionTimestamp !== undefined) return false;
  return (
    owner === metadata.uid ||
    owner === restore.metadata.uid ||
    (owner === undefined && volume.metadata.labels?.[SAFEGUARD_OF] === metadata.name)
  );
}

function othersThan({ metadata }: Resource, uid: string): NonNullable<Resource['metadata']['ownerReferences']> {
  return (metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
}
