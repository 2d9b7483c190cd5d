import type { Guest } from '../../crds/guest.ts';
import type { EnvVar } from '../../crds/workload.ts';
import { stableHash } from '../shared/stable-hash.ts';
import type { Trouble } from '../shared/trouble.ts';

export type Reference = NonNullable<EnvVar['valueFrom']>;

/** What a reference leads to, or why it leads nowhere. */
export type ReferenceReading = { ok: true; value: string } | ({ ok: false } & Trouble);

export type ReadReference = (namespace: string, reference: Reference) => ReferenceReading;

/** `NAME=value` for the process, or the first reason why it cannot be put together. */
export type Environment = { ok: true; env: string[] } | ({ ok: false } & Trouble);

/**
 * What the image sets, then `PORT` for the first port, then what the spec says; later wins. A reference that leads nowhere is a
 * reason not to start, never an empty value.
 */
export function resolveEnvironment(guest: Guest, readReference: ReadReference): Environment {
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
    const reading = readReference(metadata.namespace ?? '', valueFrom);
    if (!reading.ok) return { ...reading, message: `env ${name}: ${reading.message}` };
    values.set(name, reading.value);
  }
  return { ok: true, env: [...values].map(([name, value]) => `${name}=${value}`) };
}

/**
 * The environment with references in place of what they lead to: the same as long as the spec is. A value that changes behind
 * a reference does not restart a guest that runs; the Service's loop rolls a new revision for it.
 */
export function environmentShape(guest: Guest): string[] {
  const shape = resolveEnvironment(guest, (_, reference) => ({ ok: true, value: stableHash(reference) }));
  return shape.ok ? shape.env : [];
}
