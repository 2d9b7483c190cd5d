import { expect, it } from 'vitest';
import { Service } from '../../crds/service.ts';
import { repoSyncWorld, serviceYaml } from './repo-sync-world.ts';

it('a RepoSync brings 1,000 objects of one repository', async () => {
  await using world = await repoSyncWorld({ patienceMs: 100_000 });
  const names = Array.from({ length: 1_000 }, (_, index) => `web-${index}`);
  await world.repository.commit(Object.fromEntries(names.map((name) => [`deploy/${name}.yaml`, serviceYaml(name)])));
  const began = performance.now();
  await world.sync();
  await world.until(async () => (await world.condition('Ready'))?.status === 'True');
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const mebibytes = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.info(`1,000 objects from one repository: ${seconds} s, ${mebibytes} MiB with the test itself.`);
  expect((await world.store.list(Service)).items).toHaveLength(1_000);
}, 120_000);
