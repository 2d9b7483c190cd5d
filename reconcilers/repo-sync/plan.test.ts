import { describe, expect, it } from 'vitest';
import type { ManagedFields } from '../../crds/meta.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Service } from '../../crds/service.ts';
import { FIELD_RECORD } from '../../controller/apply/field-records.ts';
import { createSecretBox } from '../../controller/secrets/secret-box.ts';
import { testObject } from '../shared/testing.ts';
import { planEntry, type Step } from './plan.ts';

const now = new Date('2026-01-01T00:00:00Z');
const box = createSecretBox({
  keys: [{ id: 'aaaaaaaa', key: Buffer.alloc(32, 1) }],
  created: false,
  derive: () => Buffer.alloc(32, 2),
});
const spec = { source: { type: 'image', image: 'nginx:1.29' }, replicas: 2 };
const entry = {
  kind: Service,
  namespace: 'shop',
  name: 'web',
  text: 'Service shop/web',
  raw: { apiVersion: API_VERSION, kind: 'Service', metadata: { name: 'web', namespace: 'shop' }, spec },
};

function owns(manager: string, operation: ManagedFields['operation'], ...fields: string[]): ManagedFields {
  const fieldsV1 = { 'f:spec': Object.fromEntries(fields.map((field) => [`f:${field}`, {}])) };
  return { manager, operation, apiVersion: API_VERSION, fieldsType: 'FieldsV1', fieldsV1 };
}

function stored(changes: Record<string, unknown>, records: ManagedFields[]): Service {
  const service = testObject(Service, 'web', { ...spec, ...changes });
  return { ...service, metadata: { ...service.metadata, annotations: { [FIELD_RECORD]: JSON.stringify(records) } } };
}

function plan(existing: Service | undefined, isRecorded = true): Step {
  return planEntry({ entry, existing, manager: 'reposync/site', isRecorded, box, now });
}

describe('planEntry', () => {
  it('makes what is not there', () => {
    expect(plan(undefined)).toMatchObject({ do: 'create', manifest: { spec: { replicas: 2 } } });
  });

  it('leaves alone what it wrote itself', () => {
    const made = plan(undefined);
    const manifest = made.do === 'create' ? made.manifest : undefined;
    const service = testObject(Service, 'web', spec);
    const existing = {
      ...service,
      metadata: { ...service.metadata, annotations: manifest?.metadata.annotations ?? {} },
    };
    expect(plan(existing)).toMatchObject({ do: 'nothing' });
  });

  it('takes a field back that somebody edited by hand on an object of the repository', () => {
    const existing = stored({ replicas: 9 }, [owns('kubectl-edit', 'Update', 'replicas')]);
    expect(plan(existing)).toMatchObject({
      do: 'update',
      healed: ['.spec.replicas'],
      object: { spec: { replicas: 2 } },
    });
  });

  it('takes over no object by force that somebody else had made', () => {
    const existing = stored({ replicas: 9 }, [owns('rest', 'Update', 'replicas')]);
    expect(plan(existing, false)).toMatchObject({ do: 'leave', reason: 'FieldConflict' });
  });

  it('takes over an object that agrees with the repository', () => {
    expect(plan(stored({}, [owns('rest', 'Update', 'replicas')]), false)).toMatchObject({ do: 'update', healed: [] });
  });

  it('never takes a field that another manager applies', () => {
    const existing = stored({ replicas: 9 }, [owns('containr-cli', 'Apply', 'replicas')]);
    expect(plan(existing)).toMatchObject({
      do: 'leave',
      reason: 'FieldConflict',
      message: expect.stringContaining('.spec.replicas belongs to "containr-cli"'),
    });
  });

  it('waits for what is being deleted', () => {
    const service = testObject(Service, 'web', spec);
    const metadata = { ...service.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(plan({ ...service, metadata })).toMatchObject({ do: 'leave', reason: 'Deleting' });
  });
});
