import type { AnyKind } from '../../crds/kinds.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { validateManifest, type Validated } from '../../crds/validate.ts';
import { hostileTexts, mutations } from './hostile-strings-corpus.ts';
import { stringFields, type StringField } from './hostile-strings-fields.ts';

/** A spec, checked as one that somebody writes. */
export function validateSpec(kind: AnyKind, spec: unknown): Validated {
  return validateManifest({ apiVersion: API_VERSION, kind: kind.kind, metadata: { name: 'x' }, spec });
}

/** The hostile texts that the schema lets through in a field. */
export function acceptedTexts({ kind, valid, specWith }: StringField): string[] {
  return hostileTexts
    .flatMap((hostile) => mutations(valid, hostile))
    .filter((text) => validateSpec(kind, specWith(text)).ok);
}

interface HostileSpecs {
  kind: AnyKind;
  base: Record<string, unknown>;
  /** How many specs; each field goes through its texts from one to the next. */
  count: number;
  /** What cannot be used in this place, though the schema takes it. */
  leaveOut: (field: string, text: string) => boolean;
}

/** Specs with a hostile text in every field at once, as far as its schema and the fields beside it let it through. */
export function hostileSpecs({ kind, base, count, leaveOut }: HostileSpecs): Record<string, unknown>[] {
  const fields = stringFields(kind, base).map((field) => ({
    field,
    texts: acceptedTexts(field).filter((text) => !leaveOut(field.path, text)),
  }));
  return Array.from({ length: count }, (_, turn) => {
    let spec = base;
    for (const { field, texts } of fields) {
      const text = texts[Math.floor((turn * texts.length) / count)];
      if (text === undefined) continue;
      const next = merged(spec, field.specWith(text));
      if (isRecord(next) && validateSpec(kind, next).ok) spec = next;
    }
    return spec;
  });
}

/** Lists meet in their first item, so that the parts of one entry come together. */
function merged(one: unknown, other: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(other)) return other.map((item: unknown, at) => merged(one[at], item));
  if (!isRecord(one) || !isRecord(other)) return other;
  const result = { ...one };
  for (const [key, value] of Object.entries(other)) result[key] = key in one ? merged(one[key], value) : value;
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
