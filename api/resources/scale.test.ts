import { beforeEach, describe, expect, it } from 'vitest';
import { Service } from '../../crds/service.ts';
import { createShop, make, service, SHOP, type ApiFixture, type Person } from '../testing/api-fixture.ts';

let api: ApiFixture;
beforeEach(async () => {
  api = await createShop();
  await make(api, Service, service('web', { replicas: 2 }));
});

const SCALE = `${SHOP}/services/web/scale`;

async function replicas(): Promise<number | undefined> {
  return (await api.store.get(Service, { namespace: 'shop', name: 'web' }))?.spec.replicas;
}

function patch(body: unknown, as: Person = 'dev'): ReturnType<ApiFixture['ask']> {
  return api.ask('PATCH', SCALE, { as, body, type: 'application/merge-patch+json' });
}

describe('the scale of a Service', () => {
  it('says how many guests are asked for, and by which labels they are found', async () => {
    expect((await api.ask('GET', SCALE, { as: 'viewer' })).body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { replicas: 2 },
      status: { replicas: 0, selector: 'containr.dev/service=web' },
    });
  });

  it('changes the number alone, by a patch or as a whole', async () => {
    expect(await patch({ spec: { replicas: 5 } })).toMatchObject({ status: 200, body: { spec: { replicas: 5 } } });
    expect(await replicas()).toBe(5);
    await api.ask('PUT', SCALE, { as: 'dev', body: { kind: 'Scale', metadata: { name: 'web' }, spec: {} } });
    expect(await replicas()).toBe(0);
  });

  it('refuses what is written over a newer version', async () => {
    const body = { metadata: { name: 'web', resourceVersion: '1' }, spec: { replicas: 3 } };
    expect((await api.ask('PUT', SCALE, { as: 'dev', body })).status).toBe(409);
    expect(await replicas()).toBe(2);
  });

  it('records who asked for the number, so that an apply by somebody else conflicts', async () => {
    await api.ask('PATCH', `${SCALE}?fieldManager=autoscaler`, {
      body: { spec: { replicas: 7 } },
      type: 'application/merge-patch+json',
    });
    const applied = await api.ask('PATCH', `${SHOP}/services/web?fieldManager=cli`, {
      body: service('web', { replicas: 1 }),
      type: 'application/apply-patch+yaml',
    });
    expect(applied).toMatchObject({ status: 409, body: { message: expect.stringContaining('autoscaler') } });
  });

  it.each([
    [{ spec: { replicas: -1 } }],
    [{ spec: { replicas: 'two' } }],
    [{ spec: { replicas: 5_000 } }],
    [{ spec: null }],
  ])('refuses %j and names the field', async (body) => {
    const answer = await patch(body);
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain('spec.replicas');
  });

  it('is for those who may change the Service, and for kinds that have one', async () => {
    expect((await patch({ spec: { replicas: 1 } }, 'viewer')).status).toBe(403);
    expect((await patch({ spec: { replicas: 1 } }, 'stranger')).status).toBe(404);
    expect((await api.ask('DELETE', SCALE)).status).toBe(405);
    expect((await api.ask('GET', `${SHOP}/builds/web/scale`)).status).toBe(404);
  });
});
