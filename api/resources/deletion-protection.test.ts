import { describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { API, createShop, make, SHOP } from '../testing/api-fixture.ts';

async function shopWithDatabases() {
  const api = await createShop();
  for (const name of ['free', 'kept']) {
    await make(api, Database, {
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Database',
      metadata: { name, namespace: 'shop' },
      spec: { engine: 'postgresql', deletionProtection: name === 'kept' },
    });
  }
  return api;
}

describe('deletion protection', () => {
  it.each([
    ['the Database itself', `${SHOP}/databases/kept`],
    ['all that a list has', `${SHOP}/databases`],
    ['the project around it', `${API}/projects/shop`],
    ['a deletion that is only tried', `${SHOP}/databases/kept?dryRun=All`],
  ])('holds against deleting %s', async (_what, path) => {
    const api = await shopWithDatabases();
    expect(await api.ask('DELETE', path)).toMatchObject({
      status: 409,
      body: { reason: 'Conflict', message: expect.stringContaining('spec.deletionProtection') },
    });
    for (const { metadata } of (await api.store.list(Database)).items) {
      expect(metadata.deletionTimestamp).toBeUndefined();
    }
  });

  it('ends when it is switched off', async () => {
    const api = await shopWithDatabases();
    const path = `${SHOP}/databases/kept`;
    const body = { spec: { deletionProtection: false } };
    await api.ask('PATCH', path, { body, type: 'application/merge-patch+json' });
    expect((await api.ask('DELETE', path)).status).toBe(200);
    expect((await api.ask('DELETE', `${API}/projects/shop`)).status).toBe(200);
  });

  it('holds for a Backup that is protected, and for the project around it, until it is not', async () => {
    const api = await createShop();
    await make(api, Backup, {
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Backup',
      metadata: { name: 'kept', namespace: 'shop' },
      spec: { source: { kind: 'Database', name: 'main' }, protected: true },
    });
    const path = `${SHOP}/backups/kept`;
    for (const refused of [path, `${SHOP}/backups`, `${API}/projects/shop`]) {
      expect(await api.ask('DELETE', refused)).toMatchObject({
        status: 409,
        body: { reason: 'Conflict', message: expect.stringContaining('spec.protected') },
      });
    }
    const body = { spec: { protected: false } };
    await api.ask('PATCH', path, { body, type: 'application/merge-patch+json' });
    expect((await api.ask('DELETE', path)).status).toBe(200);
  });
});
