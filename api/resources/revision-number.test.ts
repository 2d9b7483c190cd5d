import { describe, expect, it } from 'vitest';
import { API, createShop, service } from '../testing/api-fixture.ts';

describe('a revision made by hand', () => {
  it('goes on from the newest, and does not use up the numbers of those to come', async () => {
    const api = await createShop();
    await api.ask('POST', `${API}/namespaces/shop/services`, { body: service('web') });
    const make = (revision: number) =>
      api.ask('POST', `${API}/namespaces/shop/deployments`, {
        as: 'dev',
        body: {
          apiVersion: 'containr.dev/v1alpha1',
          kind: 'Deployment',
          metadata: { name: `web-r${revision}` },
          spec: { service: 'web', revision, build: 'web-b1', template: {} },
        },
      });
    expect((await make(2)).status).toBe(201);
    expect(await make(Number.MAX_SAFE_INTEGER)).toMatchObject({
      status: 422,
      body: { details: { causes: [{ field: 'spec.revision' }] } },
    });
  });
});
