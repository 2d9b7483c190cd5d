import {
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  type KubernetesListObject,
  type KubernetesObject,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { API_VERSION } from '../crds/meta.ts';
import { Service } from '../crds/service.ts';
import { make, service, SHOP } from './testing/api-fixture.ts';
import { serveShop, type Served } from './testing/served.ts';

interface ServiceObject extends KubernetesObject {
  spec?: Record<string, unknown>;
}

const List = z.object({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })),
});

describe('@kubernetes/client-node', () => {
  let served: Served;
  let config: KubeConfig;
  let objects: KubernetesObjectApi;
  beforeAll(async () => {
    served = await serveShop();
    config = new KubeConfig();
    config.loadFromClusterAndUser(
      {
        name: 'containr',
        server: served.url,
        caData: Buffer.from(served.certificate).toString('base64'),
        skipTLSVerify: false,
      },
      { name: 'admin', token: 'admin' },
    );
    objects = KubernetesObjectApi.makeApiClient(config);
  });
  afterAll(() => served.close());

  function header(name: string): ServiceObject & { metadata: { name: string; namespace: string } } {
    return { apiVersion: API_VERSION, kind: 'Service', metadata: { name, namespace: 'shop' } };
  }

  function manifest(name: string, spec: Record<string, unknown> = {}): ServiceObject {
    return { ...header(name), spec: { source: { type: 'image', image: 'nginx' }, ...spec } };
  }

  it('makes, reads, lists, patches, replaces and deletes', async () => {
    await objects.create<ServiceObject>(manifest('web'));
    expect(await objects.read<ServiceObject>(header('web'))).toMatchObject({ spec: { replicas: 1 } });
    expect((await objects.list<ServiceObject>(API_VERSION, 'Service', 'shop')).items).toHaveLength(1);
    const body = { ...header('web'), spec: { replicas: 2 } };
    const merge = await objects.patch<ServiceObject>(
      body,
      undefined,
      undefined,
      'js',
      undefined,
      PatchStrategy.MergePatch,
    );
    expect(merge).toMatchObject({ spec: { replicas: 2 } });
    expect(await objects.replace<ServiceObject>(manifest('web', { replicas: 4 }))).toMatchObject({
      spec: { replicas: 4 },
    });
    await objects.delete(header('web'));
    expect(await objects.read<ServiceObject>(header('web'))).toHaveProperty('metadata.deletionTimestamp');
  });

  it('applies', async () => {
    const apply = (spec: Record<string, unknown>) =>
      objects.patch<ServiceObject>(
        manifest('applied', spec),
        undefined,
        undefined,
        'js',
        false,
        PatchStrategy.ServerSideApply,
      );
    expect(await apply({ replicas: 3 })).toMatchObject({ spec: { replicas: 3 } });
    expect(await apply({})).toMatchObject({ spec: { replicas: 1 } });
  });

  it('gets a Status that it understands when something is refused', async () => {
    const refused = objects.create<ServiceObject>(manifest('bad', { replicas: 'two' }));
    await expect(refused).rejects.toMatchObject({
      code: 422,
      body: expect.stringContaining('expected a whole number'),
    });
    await expect(objects.read<ServiceObject>(header('nothing'))).rejects.toMatchObject({ code: 404 });
  });

  it('informs of every change, over ends of the watch and a compacted history', async () => {
    const path = `${SHOP}/services`;
    const list = async (): Promise<KubernetesListObject<KubernetesObject>> => {
      const { body } = await served.api.ask('GET', path);
      const { metadata, items } = List.parse(body);
      return { metadata, items };
    };
    const informer = makeInformer(config, path, list);
    const seen: string[] = [];
    const note = (verb: string) => (object: KubernetesObject) => seen.push(`${verb} ${object.metadata?.name}`);
    informer.on('add', note('add'));
    informer.on('update', note('update'));
    informer.on('delete', note('delete'));
    informer.on('error', () => void setTimeout(() => void informer.start(), 50));
    await informer.start();
    await make(served.api, Service, service('informed'));
    await expect.poll(() => seen, { timeout: 10_000 }).toContain('add informed');
    const merge = { type: 'application/merge-patch+json', body: { spec: { replicas: 2 } } };
    await served.api.ask('PATCH', `${path}/informed`, merge);
    await expect.poll(() => seen, { timeout: 10_000 }).toContain('update informed');
    await served.api.store.compact({ keepMs: 0, keepChanges: 0 });
    await served.api.ask('PATCH', `${path}/informed`, { ...merge, body: { metadata: { finalizers: [] } } });
    await served.api.ask('DELETE', `${path}/informed`);
    await expect.poll(() => seen, { timeout: 10_000 }).toContain('delete informed');
    expect(informer.get('informed', 'shop')).toBeUndefined();
    await informer.stop();
  });
});
