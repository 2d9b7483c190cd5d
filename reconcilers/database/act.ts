import { Build } from '../../crds/build.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import type { Resource } from '../../crds/define-kind.ts';
import type { Resources } from '../../controller/reconciler.ts';
import { controlledBy } from '../shared/owner.ts';
import { LOGIN_KEYS, SAFEGUARD_OF } from '../shared/volume-login.ts';
import { RELEASED_FROM, buildOf, credentialsName, guestOf, secretOf, volumeOf } from './children.ts';
import { connectionUrl, newCredentials } from './engines/credentials.ts';
import type { DatabaseView, KnownCredentials } from './observe.ts';
import type { DatabasePlan } from './plan.ts';

/** Encrypts a value for its place in a Secret. */
export type SealValue = (place: { namespace: string; name: string; key: string }, value: string) => string;

export interface ActDeps {
  write: Resources['write'];
  seal: SealValue;
  randomBytes: (size: number) => Buffer;
}

type Act = Exclude<DatabasePlan, { do: 'refuse' | 'await' | 'look' }>;

/** Carries out one change. Asked for twice, after a crash, it comes to the same. */
export async function actOnDatabase(view: DatabaseView, plan: Act, deps: ActDeps): Promise<void> {
  const { database, definition, version, secret, volume, source } = view;
  const { write } = deps;
  const series = version.ok ? version.series : '';
  switch (plan.do) {
    case 'createSecret': {
      const { port } = definition.ports[0];
      const login = source?.ok
        ? Object.fromEntries(LOGIN_KEYS.map((key) => [key, source.login[key] ?? '']))
        : newCredentials(definition, database.metadata.name, deps.randomBytes);
      const values = { ...login, port: String(port) };
      await write.create(Secret, secretOf(database, sealed(view, values, deps.seal)));
      return;
    }
    case 'adoptSecret':
      if (secret) await write.update(Secret, { ...secret, metadata: adopted(secret, view) });
      return;
    case 'createVolume':
      await write.create(Volume, volumeOf(database, definition, series, source?.ok ? source.size : undefined));
      return;
    case 'adoptVolume':
      if (volume) await write.update(Volume, { ...volume, metadata: adopted(volume, view) });
      return;
    case 'changeVolume':
      if (volume) {
        const spec = { ...volume.spec, size: plan.size, retain: database.spec.retain };
        await write.update(Volume, { ...volume, spec });
      }
      return;
    case 'claimVolume':
      if (volume) await write.update(Volume, { ...volume, spec: { ...volume.spec, guest: plan.guest } });
      return;
    case 'createBuild':
      if (version.ok) await write.create(Build, buildOf(database, version.image));
      return;
    case 'removeBuild':
      await write.delete(Build, plan.build);
      return;
    case 'removeGuest':
      if (plan.guest.metadata.deletionTimestamp === undefined) await write.delete(Guest, plan.guest);
      return;
    case 'createGuest':
      await write.create(Guest, guestOf(database, definition, plan.artifact).manifest);
      return;
    case 'changeGuest': {
      const { artifact, address } = plan.guest.spec;
      const { spec } = guestOf(database, definition, artifact).manifest;
      await write.update(Guest, { ...plan.guest, spec: { ...spec, artifact, ...(address && { address }) } });
      return;
    }
    default:
      plan satisfies never;
  }
}

/** Tells programs where the database is, unless the Secret says so already; answers whether it was written. */
export async function publishAddress(
  view: DatabaseView,
  credentials: KnownCredentials,
  host: string,
  { write, seal }: Pick<ActDeps, 'write' | 'seal'>,
): Promise<boolean> {
  const url = connectionUrl(view.definition, credentials, host);
  if (!view.secret || (credentials.host === host && credentials.url === url)) return false;
  const data = { ...view.secret.spec.data, ...sealed(view, { host, url }, seal) };
  await write.update(Secret, { ...view.secret, spec: { ...view.secret.spec, data } });
  return true;
}

function sealed(
  { database }: DatabaseView,
  values: Readonly<Record<string, string>>,
  seal: SealValue,
): Record<string, string> {
  const place = { namespace: database.metadata.namespace ?? '', name: credentialsName(database) };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, seal({ ...place, key }, value)]));
}

function adopted({ metadata }: Resource, { database }: DatabaseView): Resource['metadata'] {
  const { [RELEASED_FROM]: _, [SAFEGUARD_OF]: __, ...labels } = metadata.labels ?? {};
  return { ...metadata, labels, ownerReferences: [...(metadata.ownerReferences ?? []), controlledBy(database)] };
}
