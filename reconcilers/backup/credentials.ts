import { API_VERSION } from '../../crds/meta.ts';
import { Secret } from '../../crds/secret.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { childName } from '../shared/child-name.ts';
import { controlledBy } from '../shared/owner.ts';
import type { StepContext } from './context.ts';
import type { BackupSource } from './source.ts';

const HELD_CHECK_MS = 15_000;

/** Keeps the login that the data know beside the backup: the one of the database may be another by the time of a restore. */
export async function keepCredentials(
  { pass, resources, readSecret, seal }: StepContext,
  { database }: BackupSource,
): Promise<Outcome | undefined> {
  const { metadata } = pass.resource;
  const { namespace = '' } = metadata;
  const from = database?.status.credentialsSecretRef?.name;
  if (!database || pass.status.credentialsSecretRef !== undefined) return undefined;
  if (from === undefined)
    return waiting('SecretNotFound', 'The login of the database is not known yet.', HELD_CHECK_MS);
  const reading = readSecret(namespace, from);
  if (!reading.ok) return waiting(reading.reason, reading.message, HELD_CHECK_MS);
  // A database may have the name of the backup, and its Secret the plain one.
  const name = childName(metadata.name, `login-${metadata.uid.slice(0, 8)}`);
  const { username, password, database: named, port } = reading.values;
  const values = Object.entries({ username, password, database: named, port });
  const data = values.flatMap(([key, value]) =>
    value === undefined ? [] : [[key, seal({ namespace, name, key }, value)] as const],
  );
  await resources.write.create(Secret, {
    apiVersion: API_VERSION,
    kind: Secret.kind,
    metadata: { name, namespace, ownerReferences: [controlledBy(pass.resource)] },
    spec: Secret.specSchema.parse({ data: Object.fromEntries(data) }),
  });
  pass.status = { ...pass.status, credentialsSecretRef: { name } };
  return undefined;
}
