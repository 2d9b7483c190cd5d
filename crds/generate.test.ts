import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { generatedFiles, staleFiles } from './generate.ts';
import { allKinds } from './kinds.ts';

describe('generatedFiles', () => {
  it('holds one definition of each kind, in YAML that reads back', () => {
    for (const kind of allKinds) {
      const text = generatedFiles().get(`crds/${kind.plural}.yaml`);
      expect(parse(text ?? '')).toMatchObject({
        kind: 'CustomResourceDefinition',
        spec: { names: { kind: kind.kind } },
      });
    }
  });

  it('lists every definition for kubectl', () => {
    const kustomization: unknown = parse(generatedFiles().get('crds/kustomization.yaml') ?? '');
    expect(kustomization).toMatchObject({ resources: allKinds.map(({ plural }) => `${plural}.yaml`) });
  });

  it('is what is checked in', async () => {
    expect(await staleFiles(join(import.meta.dirname, '..'))).toEqual([]);
  });
});

describe('staleFiles', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'containr-generate-'));
    for (const [path, text] of generatedFiles()) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  });
  afterEach(() => rm(root, { recursive: true }));

  it('names a file that says something else, and one that is missing', async () => {
    expect(await staleFiles(root)).toEqual([]);
    await writeFile(join(root, 'crds/services.yaml'), 'changed by hand');
    await rm(join(root, 'docs/reference/README.md'));
    expect(await staleFiles(root)).toEqual(['crds/services.yaml', 'docs/reference/README.md']);
  });
});
