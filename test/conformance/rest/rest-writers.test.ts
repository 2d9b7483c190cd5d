import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SHOP } from '../../../api/testing/api-fixture.ts';
import { Service } from '../../../crds/service.ts';
import { ContractClient, type ContractAnswer } from './contract-client.ts';
import { readContract } from './contract.ts';
import { createRestWorld, type RestWorld } from './rest-world.ts';

const ROUNDS = 25;
const contract = readContract();

let world: RestWorld;
let client: ContractClient;
beforeEach(async () => {
  world = await createRestWorld();
  client = new ContractClient(world.url, contract);
});
afterEach(() => world.close());

function put(body: object, headers: Record<string, string> = {}): Promise<ContractAnswer> {
  return client.call('PUT /services/{id}', { token: 'dev', params: { id: world.own.service }, body, headers });
}

/** What `containr apply` sends. */
async function apply(replicas: number): Promise<number> {
  const source = { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main' };
  const manifest = {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { source, replicas },
  };
  const { status } = await world.api.ask('PATCH', `${SHOP}/services/web?fieldManager=containr-cli&force=true`, {
    as: 'owner',
    type: 'application/apply-patch+yaml',
    body: manifest,
  });
  return status;
}

async function stored(): Promise<Service['spec'] | undefined> {
  return (await world.api.store.getByUid(Service, world.own.service))?.spec;
}

/** Tries as a client does: told to reload, it reads and writes again. */
async function untilTaken(write: () => Promise<number>): Promise<void> {
  for (let tried = 0; tried < 50; tried += 1) {
    const status = await write();
    if (status === 200) return;
    expect(status).toBe(409);
  }
  throw new Error('It was never taken.');
}

describe('two writers over the contract and one that applies', () => {
  it('lose nothing of each other, however their writes meet', async () => {
    const rounds = Array.from({ length: ROUNDS }, (_, index) => index + 1);
    await Promise.all([
      (async () => {
        for (const round of rounds)
          await untilTaken(async () => (await put({ resources: { cpu: `${round}` } })).status);
      })(),
      (async () => {
        for (const round of rounds)
          await untilTaken(async () => (await put({ build_config: { start_command: `run ${round}` } })).status);
      })(),
      (async () => {
        for (const round of rounds) await untilTaken(() => apply(round));
      })(),
    ]);
    expect(await stored()).toMatchObject({
      resources: { cpu: `${ROUNDS}` },
      build: { startCommand: `run ${ROUNDS}` },
      replicas: ROUNDS,
      source: { branch: 'main' },
    });
  });

  it('are told to reload when what they read is no longer so', async () => {
    const read = await client.call('GET /services/{id}', { token: 'dev', params: { id: world.own.service } });
    const match = { 'if-match': read.headers.get('etag') ?? '' };
    const both = await Promise.all([put({ name: 'First' }, match), put({ name: 'Second' }, match)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const [won] = both.filter(({ status }) => status === 200);
    expect((await stored())?.displayName).toBe(won?.fields['name']);
    await apply(3);
    expect((await put({ name: 'Third' }, match)).status).toBe(409);
  });

  it('leave the fields alone that a manifest set and the contract does not state', async () => {
    const before = await stored();
    await put({ resources: { memory: '1Gi' } });
    const after = await stored();
    expect(after).toEqual({ ...before, resources: { ...before?.resources, memory: '1Gi' } });
  });
});
