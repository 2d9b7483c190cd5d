import type { Build } from '../../crds/build.ts';
import type { SourceSecret } from './credentials.ts';
import type { StageInput } from './stage.ts';

export type SecretValues = { ok: true; values: SourceSecret } | { ok: false; message: string };
export type ReadSecret = (namespace: string, name: string) => SecretValues;

type BuildSecrets = Pick<StageInput, 'secret' | 'buildSecrets'>;

/** The values of all Secrets that a build names, or which of them is not there. */
export function readBuildSecrets(
  { metadata, spec }: Build,
  read: ReadSecret,
): { ok: true; values: BuildSecrets } | { ok: false; message: string } {
  const namespace = metadata.namespace ?? '';
  const { secretRef } = spec.source;
  const secret: SecretValues = secretRef ? read(namespace, secretRef.name) : { ok: true, values: {} };
  if (!secret.ok) return secret;
  const buildSecrets: Record<string, string> = {};
  for (const { name, secretRef: ref } of spec.settings.secrets ?? []) {
    const found = read(namespace, ref.name);
    if (!found.ok) return found;
    const value = found.values[ref.key];
    if (value === undefined)
      return { ok: false, message: `build.secrets ${name}: the Secret "${ref.name}" has no key "${ref.key}".` };
    buildSecrets[name] = value;
  }
  return { ok: true, values: { secret: secret.values, buildSecrets } };
}
