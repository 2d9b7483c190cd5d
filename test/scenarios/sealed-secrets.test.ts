import { describe, expect, it } from 'vitest';
import { createShop, secret, service, SHOP, type ApiFixture } from '../../api/testing/api-fixture.ts';
import { sealFor } from '../../api/testing/seal-for.ts';
import { createAgeKeys, type AgeKeys } from '../../controller/secrets/age-keys.ts';
import type { Keyring } from '../../controller/secrets/keyring.ts';
import { openSealed, outdatedKeys } from '../../controller/secrets/open-sealed.ts';
import { createSecretBox } from '../../controller/secrets/secret-box.ts';
import { createSecretValues, type SecretValues } from '../../controller/secrets/secret-values.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { Database } from '../../crds/database.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { secretReconciler } from '../../reconcilers/secret/reconciler.ts';
import { createFakeGit } from '../../reconcilers/providers/git/fake.ts';
import { serviceReconciler } from '../../reconcilers/service/reconciler.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { World } from '../harness/world.ts';

const CANARY = 'canary-9c41d7';
const place = { namespace: 'shop', name: 'app', key: 'token' };
const env = [{ name: 'TOKEN', valueFrom: { secretRef: { name: 'app', key: 'token' } } }];
const quiet = { unchangedMs: 60_000 };

/** The API, and the loops of Secret and Service, over one store. Keys of the installation may change between two lives. */
class SealedWorld {
  readonly world: World;
  readonly api: ApiFixture;
  readonly redacted: string[] = [];
  #ids: readonly string[] = [];
  #values: SecretValues | undefined;

  private constructor(world: World, api: ApiFixture) {
    this.world = world;
    this.api = api;
  }

  static async create(...ids: string[]): Promise<SealedWorld> {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    const world = new World({
      store,
      clock,
      alsoRead: [Guest, Database],
      build: ({ read, resourcesFor }) => {
        const { ages, keyring } = scene;
        const box = createSecretBox(keyring);
        const values = createSecretValues({ read, box, redact: (value) => scene.redacted.push(value) });
        scene.#values = values;
        return [
          secretReconciler({
            check: (one) => values.check(one),
            open: (one) => openSealed(one, { ages, box }),
            outdated: (one) => outdatedKeys(one, ages, box),
          }),
          serviceReconciler({
            resources: resourcesFor(Service),
            git: createFakeGit(),
            clock,
            readSecret: values.values,
          }),
        ];
      },
    });
    const scene = new SealedWorld(world, await createShop({ store }));
    scene.#ids = ids;
    return scene;
  }

  get keyring(): Keyring {
    const keys = this.#ids.map((id) => ({ id, key: Buffer.alloc(32, id) }));
    return { keys, created: false, derive: (purpose) => Buffer.alloc(32, purpose) };
  }

  get ages(): AgeKeys {
    return createAgeKeys(this.keyring);
  }

  async restartWith(...ids: string[]): Promise<void> {
    this.#ids = ids;
    await this.world.restart();
  }

  async write(name: string, sealed: Record<string, string>): Promise<void> {
    const body = { ...secret(name, undefined), spec: { sealed } };
    const path = `${SHOP}/secrets/${name}?fieldManager=git&force=true`;
    const { status } = await this.api.ask('PATCH', path, { body, type: 'application/apply-patch+yaml' });
    expect(status).toBeLessThan(300);
  }

  seal(value: string): Promise<string> {
    return sealFor(this, { ...place, value });
  }

  read(name = 'app'): ReturnType<SecretValues['value']> | undefined {
    return this.#values?.value('shop', name, 'token');
  }

  /** Type, status and reason of each condition, and the message of Ready. */
  async said(kind: typeof Secret | typeof Service, name: string): Promise<string[]> {
    const object = await this.world.store.get<Secret | Service>(kind, { namespace: 'shop', name });
    return (object?.status.conditions ?? []).map(({ type, status, reason, message }) =>
      type === 'Stalled' ? `${type}=${status} ${reason}` : `${type}=${status} ${reason}: ${message}`,
    );
  }

  async revisions(): Promise<number> {
    return (await this.world.store.list(Deployment)).items.length;
  }

  async outdated(): Promise<readonly string[] | undefined> {
    return (await this.world.store.get(Secret, { namespace: 'shop', name: 'app' }))?.status.outdatedKeys;
  }
}

async function running(): Promise<SealedWorld> {
  const scene = await SealedWorld.create('aaaaaaaa');
  await scene.write('app', { token: await scene.seal(CANARY) });
  await scene.api.ask('POST', `${SHOP}/services`, { body: service('web', { type: 'worker', env }) });
  await scene.world.runUntilQuiet(quiet);
  return scene;
}

describe('a sealed value', () => {
  it('reaches who needs it, is told to the redactor, and shows nowhere else', async () => {
    const scene = await running();
    expect(scene.read()).toEqual({ ok: true, value: CANARY });
    expect(new Set(scene.redacted)).toEqual(new Set([CANARY]));
    expect(await scene.revisions()).toBe(1);
    expect(await scene.said(Secret, 'app')).toContain('Ready=True Sealed: The values are encrypted and can be read.');
    const shown = [
      await scene.api.ask('GET', `${SHOP}/secrets/app`),
      await scene.api.ask('GET', `${SHOP}/secrets`),
      await scene.api.ask('GET', `${SHOP}/deployments`),
      (await scene.world.store.list(Secret)).items,
      scene.world.events,
      scene.api.logged,
      await scene.api.audit.list({ limit: 100 }),
    ];
    expect(JSON.stringify(shown)).not.toContain(CANARY);
    expect(JSON.stringify(shown.slice(0, 3))).not.toContain('enc:v1:');
  });

  it('makes a revision when it changes, and none when the same is sealed once more', async () => {
    const scene = await running();
    await scene.write('app', { token: await scene.seal(CANARY) });
    await scene.world.runUntilQuiet(quiet);
    expect(await scene.revisions()).toBe(1);
    await scene.write('app', { token: await scene.seal('another') });
    await scene.world.runUntilQuiet(quiet);
    expect(await scene.revisions()).toBe(2);
    expect(scene.read()).toEqual({ ok: true, value: 'another' });
  });

  it('changes nothing in the store once it is opened', async () => {
    const scene = await running();
    const before = await scene.world.store.currentVersion();
    await scene.restartWith('aaaaaaaa');
    await scene.world.run(20 * 60_000);
    expect(await scene.world.store.currentVersion()).toBe(before);
  });

  it('holds the rollout when it was sealed for another Secret, naming key and cause, and mends with a good one', async () => {
    const scene = await running();
    await scene.write('copy', { token: await scene.seal(CANARY) });
    await scene.world.runUntilQuiet(quiet);
    const cause = 'The sealed value "token" of the Secret "copy" in namespace "shop" was sealed for another Secret.';
    expect(await scene.said(Secret, 'copy')).toEqual(
      expect.arrayContaining([
        expect.stringContaining(`Ready=False SecretUnreadable: ${cause}`),
        'Stalled=True SecretUnreadable',
      ]),
    );
    expect(scene.read('copy')).toMatchObject({ ok: false, reason: 'SecretUnreadable' });

    await scene.write('app', { token: await sealFor(scene, { ...place, namespace: 'other', value: 'x' }) });
    await scene.api.ask('PATCH', `${SHOP}/services/web`, {
      body: { spec: { env: [...env, { name: 'MODE', value: 'new' }] } },
      type: 'application/merge-patch+json',
    });
    await scene.world.runUntilQuiet(quiet);
    expect(await scene.revisions()).toBe(1);
    expect((await scene.said(Service, 'web')).join('\n')).toMatch(
      /ConfigResolved=False ConfigMissing: env TOKEN: .*"token" of the Secret "app".* was sealed for another project/,
    );
    await scene.write('app', { token: await scene.seal('good') });
    await scene.world.runUntilQuiet(quiet);
    expect(await scene.revisions()).toBe(2);
  });
});

describe('keys of an installation', () => {
  it('may be added: what is sealed for an older one still opens and is listed until it is sealed anew', async () => {
    const scene = await running();
    await scene.restartWith('aaaaaaaa', 'bbbbbbbb');
    await scene.world.runUntilQuiet(quiet);
    expect(scene.read()).toEqual({ ok: true, value: CANARY });
    expect(await scene.outdated()).toEqual(['token']);
    expect((await scene.said(Secret, 'app')).join()).toContain('"token": under an older key of the installation');
    await scene.write('app', { token: await scene.seal(CANARY) });
    await scene.world.runUntilQuiet(quiet);
    expect(await scene.outdated()).toBeUndefined();
    expect(await scene.revisions()).toBe(1);
  });

  it('must not be lost: no value is better than an empty one', async () => {
    const scene = await running();
    await scene.restartWith('cccccccc');
    await scene.world.runUntilQuiet(quiet);
    expect(scene.read()).toMatchObject({ ok: false, reason: 'SecretUnreadable' });
    expect(await scene.said(Secret, 'app')).toContain('Stalled=True SecretUnreadable');
    await scene.restartWith('aaaaaaaa');
    await scene.world.runUntilQuiet(quiet);
    expect(scene.read()).toEqual({ ok: true, value: CANARY });
  });
});
