import { Database } from '../../crds/database.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Secret } from '../../crds/secret.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { childName } from '../shared/child-name.ts';
import { controlledBy } from '../shared/owner.ts';
import type { StepContext } from './context.ts';
import { fail } from './failure.ts';

const HELD_CHECK_MS = 15_000;

/**
 * Keeps the login that the data know beside the backup: the one of the database may be another by the time of a restore, and
 * without it the data are worth nothing. Undefined when it is kept, or there is none.
 */
export async function keepCredentials({
  pass,
  resources,
  readSecret,
  seal,
}: StepContext): Promise<Outcome | undefined> {
  const { metadata, spec } = pass.resource;
  const { credentialsSecretRef, askedAt, origin } = pass.status;
  const { namespace = '' } = metadata;
  if (spec.source.kind !== 'Database' || credentialsSecretRef !== undefined || askedAt !== undefined) return undefined;
  const database = resources.read.get(Database, { namespace, name: spec.source.name });
  if (database?.metadata.uid !== origin?.uid)
    return fail(pass, 'SourceMissing', `The Database ${spec.source.name} was deleted before its backup was taken.`);
  const from = database?.status.credentialsSecretRef?.name;
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
