import { Secret } from '../../crds/secret.ts';
import type { Volume } from '../../crds/volume.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { LOGIN_KEYS, sameLogin, volumeLoginName } from '../shared/volume-login.ts';
import { HELD_CHECK_MS, fail, type StepContext } from './context.ts';
import { loginSecret } from './parts.ts';

/** Remembers what the target has; for a database, keeps the login that it knows beside it. Nothing is taken away. */
export async function safeguard(context: StepContext): Promise<Outcome> {
  const { pass, view } = context;
  const { database, previous } = view;
  if (view.volumeTarget) return noteSafe(pass, view.volumeTarget.target.metadata.name);
  const from = database?.status.credentialsSecretRef?.name;
  if (!database || !previous)
    return fail(pass, {
      reason: 'Rejected',
      message: 'The database, or its volume, went before anything was restored.',
    });
  if (from === undefined) return waiting('Safeguarding', 'The login of the database is not known yet.', HELD_CHECK_MS);
  pass.status = { ...pass.status, previousVolume: previous.metadata.name };
  await pass.checkpoint();
  const held = await keepLogin(context, previous, from);
  if (held) return held;
  return noteSafe(pass, previous.metadata.name);
}

function noteSafe(pass: StepContext['pass'], volume: string): Outcome {
  pass.status = { ...pass.status, safeguardedAt: pass.now.toISOString() };
  return waiting('Safeguarding', `Volume ${volume} stays as it is.`, 0);
}

/** Has a volume keep the login that is in a Secret now; undefined when it does. */
export async function keepLogin(
  { resources, readSecret, seal }: StepContext,
  volume: Volume,
  from: string,
): Promise<Outcome | undefined> {
  const { namespace = '' } = volume.metadata;
  const reading = readSecret(namespace, from);
  if (!reading.ok) return waiting(reading.reason, reading.message, HELD_CHECK_MS);
  const name = volumeLoginName(volume.metadata.name);
  const kept = resources.read.get(Secret, { namespace, name });
  const keptValues = kept && readSecret(namespace, name);
  if (keptValues?.ok && sameLogin(keptValues.values, reading.values)) return undefined;
  const data = Object.fromEntries(
    LOGIN_KEYS.flatMap((key) => {
      const value = reading.values[key];
      return value === undefined ? [] : [[key, seal({ namespace, name, key }, value)] as const];
    }),
  );
  const manifest = loginSecret(volume, data);
  if (kept) await resources.write.update(Secret, { ...kept, spec: { ...kept.spec, data } });
  else await resources.write.create(Secret, manifest);
  return undefined;
}
