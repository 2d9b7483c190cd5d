import { Database } from '../../crds/database.ts';
import type { Reason } from '../../crds/reasons.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { serviceAddress } from '../shared/service-address.ts';
import type { ReadReference, Reference, ReferenceReading } from './environment.ts';

/** How a value of a Secret reads, or why it cannot. Who answers keeps the value out of logs and messages. */
export type ReadSecret = (
  namespace: string,
  name: string,
  key: string,
) => { ok: true; value: string } | { ok: false; reason: Reason; message: string };

/** Follows a reference of an environment to its value as it is now. What does not exist (yet) is ConfigMissing. */
export function referenceReader(read: ResourceReader, readSecret: ReadSecret): ReadReference {
  return (namespace, { secretRef, databaseRef, serviceRef }) => {
    if (secretRef) return ofSecret(readSecret(namespace, secretRef.name, secretRef.key));
    if (databaseRef) return ofDatabase(namespace, databaseRef);
    if (serviceRef) return ofService(namespace, serviceRef);
    return missing('It refers to nothing. Name a secretRef, databaseRef or serviceRef.');
  };

  function ofDatabase(namespace: string, { name, key }: NonNullable<Reference['databaseRef']>): ReferenceReading {
    const database = read.get(Database, { namespace, name });
    if (!database) return missing(`There is no Database "${name}" in the project. Create it, or correct the name.`);
    const { credentialsSecretRef } = database.status;
    if (!credentialsSecretRef) return missing(`Database "${name}" has no credentials yet.`);
    return ofSecret(readSecret(namespace, credentialsSecretRef.name, key));
  }

  function ofService(namespace: string, { name, key }: NonNullable<Reference['serviceRef']>): ReferenceReading {
    const reading = serviceAddress(read, namespace, name);
    if (!reading.ok) return missing(reading.message);
    const value = reading.address[key];
    return value === undefined
      ? missing(`Service "${name}" has no port, so there is no ${key} of it. Give it one in spec.ports.`)
      : { ok: true, value: String(value) };
  }
}

/** Whether the environment depends on the named object. Pure. */
export function refersTo(
  env: readonly { valueFrom?: Reference | undefined }[],
  kind: keyof Reference,
  name: string,
): boolean {
  return env.some(({ valueFrom }) => valueFrom?.[kind]?.name === name);
}

/** What cannot be decrypted is another trouble than what is not there. */
function ofSecret(reading: ReturnType<ReadSecret>): ReferenceReading {
  return reading.ok || reading.reason !== 'SecretNotFound' ? reading : missing(reading.message);
}

function missing(message: string): ReferenceReading {
  return { ok: false, reason: 'ConfigMissing', message };
}
