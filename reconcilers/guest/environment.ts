import type { Guest } from '../../crds/guest.ts';
import type { Reason } from '../../crds/reasons.ts';

/** How a value of a Secret reads, or why it cannot. */
export type SecretReading = { ok: true; value: string } | { ok: false; reason: Reason; message: string };

export type ReadSecret = (namespace: string, name: string, key: string) => SecretReading;

/** `NAME=value` for the process, or the first reason why it cannot be put together. */
export type Environment = { ok: true; env: string[] } | { ok: false; reason: Reason; message: string };

/**
 * What the image sets, then `PORT` for the first port, then what the spec says; later wins. A reference that leads nowhere is a
 * reason not to start, never an empty value.
 */
export function resolveEnvironment(guest: Guest, readSecret: ReadSecret): Environment {
  const { spec, metadata } = guest;
  const values = new Map<string, string>();
  for (const entry of spec.artifact.process.env) {
    const equals = entry.indexOf('=');
    if (equals > 0) values.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  const [firstPort] = spec.ports;
  if (firstPort && !values.has('PORT')) values.set('PORT', String(firstPort.port));

  for (const { name, value, valueFrom } of spec.env) {
    if (valueFrom === undefined) {
      values.set(name, value ?? '');
      continue;
    }
    if (valueFrom.secretRef === undefined) {
      return { ok: false, reason: 'UnsupportedSpec', message: `env ${name} refers to something other than a Secret.` };
    }
    const secret = readSecret(metadata.namespace ?? '', valueFrom.secretRef.name, valueFrom.secretRef.key);
    if (!secret.ok) return { ...secret, message: `env ${name}: ${secret.message}` };
    values.set(name, secret.value);
  }
  return { ok: true, env: [...values].map(([name, value]) => `${name}=${value}`) };
}
