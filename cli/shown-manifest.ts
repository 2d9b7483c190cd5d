import { stringify } from 'yaml';
import type { ApiObject } from './objects.ts';

const noiseAnnotations = ['kubectl.kubernetes.io/last-applied-configuration'];

/** The lines of an object as somebody could have written it, in one order; the values of a Secret as keyed digests. */
export function shownManifest(object: ApiObject): string[] {
  const { apiVersion, kind, metadata, spec = {} } = object;
  const shown = {
    apiVersion,
    kind,
    metadata: shownMetadata(metadata),
    spec: kind === 'Secret' ? veiled(object) : spec,
  };
  return stringify(shown, { sortMapEntries: true, aliasDuplicateObjects: false, lineWidth: 0 }).trimEnd().split('\n');
}

function shownMetadata({ name, namespace, labels, annotations, ownerReferences }: ApiObject['metadata']): object {
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !noiseAnnotations.includes(key));
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(labels && Object.keys(labels).length > 0 && { labels }),
    ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }),
    ...(ownerReferences && { ownerReferences }),
  };
}

/** From the server there are digests, from a file there are values, which are not to be seen either. */
function veiled({ spec = {}, status }: ApiObject): object {
  const { data, ...rest } = spec;
  const written = Object.keys(isRecord(data) ? data : {}).map((key) => [key, '(hidden)']);
  const known = secretKeys(status).map(({ name, digest }) => [name, `(hidden, digest ${digest})`]);
  const shown = known.length > 0 ? known : written;
  return shown.length === 0 ? rest : { ...rest, data: Object.fromEntries(shown) };
}

/** The keys of a Secret with their digests, as its status says them. */
export function secretKeys(status: ApiObject['status']): { name: string; digest: string }[] {
  const keys = status?.['keys'];
  if (!Array.isArray(keys)) return [];
  return keys.filter(isRecord).map(({ name, digest }) => ({ name: String(name), digest: String(digest) }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
