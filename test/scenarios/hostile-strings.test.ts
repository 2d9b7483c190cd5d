import { describe, expect, it } from 'vitest';
import { specs } from '../../api/testing/access-table.ts';
import { allKinds, type AnyKind } from '../../crds/kinds.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { validateManifest, type Validated } from '../../crds/validate.ts';
import { hostileTexts, mutations } from './hostile-strings-corpus.ts';
import { stringFields, type StringField } from './hostile-strings-fields.ts';

const source = { type: 'image', image: 'nginx' };
/** Where the least is not enough to try its parts. */
const more: Readonly<Record<string, object>> = {
  Deployment: { source },
  Proxy: { type: 'caddy', endpoint: 'http://127.0.0.1:2019' },
};

const fieldsOf = (kind: AnyKind): StringField[] => stringFields(kind, { ...specs[kind.kind], ...more[kind.kind] });

function validate(kind: AnyKind, spec: unknown): Validated {
  return validateManifest({ apiVersion: API_VERSION, kind: kind.kind, metadata: { name: 'x' }, spec });
}

/** The path that a problem is told under, without numbers and keys: `spec.env[0].name` is `spec.env[].name`. */
function shapeOf(path: string): string {
  return path.replaceAll(/\[\d+\]/g, '[]');
}

function isAbout(problem: string, field: string): boolean {
  const shape = shapeOf(problem);
  const [before = ''] = field.split('{');
  return field.includes('{') ? shape.startsWith(before) : field.startsWith(shape) || shape.startsWith(field);
}

describe.each(allKinds.map((kind) => [kind.kind, kind] as const))('a text of a %s', (_, kind) => {
  it('is taken as it is, or refused by the name of its field', () => {
    for (const field of fieldsOf(kind)) {
      const usual = validate(kind, field.specWith(field.valid));
      expect(usual, `${field.path} with ${field.valid}`).toMatchObject({ ok: true });
      for (const text of hostileTexts.flatMap((hostile) => mutations(field.valid, hostile))) {
        const spec = field.specWith(text);
        const read = validate(kind, spec);
        const what = `${field.path} with ${JSON.stringify(text.slice(0, 80))}`;
        if (read.ok) expect(JSON.stringify(read.manifest.spec), what).toContain(JSON.stringify(text));
        else
          expect(
            read.problems.filter(({ path }) => !isAbout(path, field.path)),
            what,
          ).toEqual([]);
      }
    }
  });
});
