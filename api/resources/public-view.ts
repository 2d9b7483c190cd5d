import type { CommonStatus, Resource } from '../../crds/define-kind.ts';
import { Secret } from '../../crds/secret.ts';
import { sealedDigest } from '../../controller/secrets/secret-box.ts';
import { fingerprint } from '../../controller/secrets/stored-value.ts';
import { fieldOf, isRecord } from '../../controller/json.ts';
import { shownMetadata } from '../../controller/apply/field-records.ts';

/** An object as it may be answered: never the values of a Secret, only its keys with their digests. */
export function publicView<R extends Resource>(object: R): R | Resource {
  const metadata = shownMetadata(object.metadata);
  if (object.kind !== Secret.kind) return { ...object, metadata };
  const { data, ...spec } = isRecord(object.spec) ? object.spec : {};
  const { opened, ...status }: CommonStatus & { opened?: unknown } = { ...object.status };
  return { ...object, metadata, spec, status: { ...status, keys: keysOf(data, spec['sealed'], opened) } };
}

function keysOf(data: unknown, sealed: unknown, opened: unknown): { name: string; digest: string }[] {
  const written = entriesOf(data);
  const unsealed = entriesOf(sealed).flatMap(([name, text]): [string, unknown][] => {
    const found = fieldOf(opened, name);
    return fieldOf(found, 'of') === fingerprint(String(text)) ? [[name, fieldOf(found, 'value')]] : [];
  });
  return [...written, ...unsealed]
    .map(([name, encrypted]) => ({ name, digest: sealedDigest(String(encrypted)) ?? 'unreadable' }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}
