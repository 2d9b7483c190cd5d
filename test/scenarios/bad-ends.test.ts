import { afterEach, describe, expect, it } from 'vitest';
import { Builder } from '../../crds/builder.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { expectAtRest, expectCalm, expectLeavesNothing } from './expectations.ts';
import { REPOSITORY, SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];

async function prepared(options: Parameters<SpineWorld['prepare']>[0] = {}): Promise<SpineWorld> {
  const spine = new SpineWorld();
  worlds.push(spine);
  await spine.prepare(options);
  return spine;
}

/** The service as it says what is wrong, calm, and gone without a trace after that. */
async function expectBadEnd(spine: SpineWorld, ready: string, message: RegExp): Promise<void> {
  await spine.world.runUntilQuiet();
  expect(spine.readyOf(await spine.service())).toBe(ready);
  expect(await spine.readyMessage()).toMatch(message);
  await expectCalm(spine);
  expect(await spine.readyMessage()).toMatch(message);
  await expectLeavesNothing(spine);
}

/** While the trouble lasts the service says what it is and is calm; `mend` ends it and the service comes to rest. */
async function expectPatience(spine: SpineWorld, message: RegExp, mend: () => unknown): Promise<void> {
  await spine.world.run(60_000);
  expect(await spine.readyMessage()).toMatch(message);
  await expectCalm(spine, 3);
  expect(await spine.readyMessage()).toMatch(message);
  await mend();
  await spine.world.runUntilQuiet();
  await expectAtRest(spine, 1);
  await expectLeavesNothing(spine);
}

afterEach(() => {
  for (const spine of worlds.splice(0)) spine.dispose();
});

describe('a service that cannot be built', () => {
  it('names the step of the Dockerfile that fails', async () => {
    const spine = await prepared();
    spine.git.commit(REPOSITORY, { Dockerfile: 'FROM scratch\nCOPY absent /app\nCMD ["/app"]\n' });
    await spine.createService();
    await expectBadEnd(spine, 'False DeploymentFailed', /Step 2\/3 : COPY absent \/app/);
  });

  it('names the Dockerfile that is not there', async () => {
    const spine = await prepared();
    await spine.createService('web', { source: { type: 'git', repository: REPOSITORY, dockerfile: 'Containerfile' } });
    await expectBadEnd(spine, 'False DeploymentFailed', /no file "Containerfile".*Correct spec.source.dockerfile/);
  });

  it('names the branch that does not exist', async () => {
    const spine = await prepared();
    await spine.createService('web', { source: { type: 'git', repository: REPOSITORY, branch: 'absent' } });
    await expectBadEnd(spine, 'False DeploymentFailed', /no branch or tag "absent"/);
  });

  it('names the repository that refuses the credentials', async () => {
    const spine = await prepared();
    spine.git.protect(REPOSITORY, { kind: 'token', token: 'right' });
    spine.secrets.set('git', { token: 'wrong' });
    const source = { type: 'git', repository: REPOSITORY, secretRef: { name: 'git' } };
    await spine.createService('web', { source });
    await expectBadEnd(spine, 'False DeploymentFailed', /refused the credentials. Correct the Secret/);
  });

  it('names the image that does not exist', async () => {
    const spine = await prepared();
    await spine.createService('web', { source: { type: 'image', image: 'registry.example/absent:1' } });
    await expectBadEnd(spine, 'False DeploymentFailed', /absent:1 does not exist/);
  });

  it('waits for a repository that does not answer', async () => {
    const spine = await prepared();
    spine.git.fail(REPOSITORY, 'unavailable');
    await spine.createService();
    await expectPatience(spine, /was told to fail/, () => spine.git.fail(REPOSITORY, undefined));
  });

  it('waits for an engine whose disk is full', async () => {
    const spine = await prepared();
    spine.docker.fail('build', 'noSpace');
    await spine.createService();
    await expectPatience(spine, /told that build fails/, () => spine.docker.fail('build', undefined));
  });

  it('waits for a Builder where there is none', async () => {
    const spine = await prepared({ builder: false });
    await spine.createService();
    await expectPatience(spine, /There is no Builder. Create one/, () => spine.createBuilder());
  });

  it('waits for a Builder that does not answer, and says why it does not', async () => {
    const spine = await prepared();
    spine.docker.fail('info', 'unreachable');
    await spine.createService();
    await expectPatience(spine, /No Builder is ready. Builder default: .*info fails/, () =>
      spine.docker.fail('info', undefined),
    );
  });

  it('goes on with another Builder when its own is removed under it', async () => {
    const spine = await prepared();
    const release = spine.docker.holdBuilds();
    await spine.createService();
    await spine.world.run(10_000);
    await spine.store.delete(Builder, { name: 'default' }, { manager: 'containr-cli', user: 'test' });
    await expectPatience(spine, /There is no Builder/, async () => {
      release();
      await spine.createBuilder('second');
    });
  });

  it('leaves nothing behind when it is deleted while it is being built', async () => {
    const spine = await prepared();
    spine.docker.holdBuilds();
    await spine.createService();
    await spine.world.run(10_000);
    await expectLeavesNothing(spine);
  });

  it('waits for room on the template storage, and names it', async () => {
    const spine = await prepared();
    const local = spine.proxmox.storages.get('local');
    if (!local) throw new Error('The fake has a storage local.');
    local.totalBytes = 10;
    await spine.createService();
    await expectPatience(spine, /storage "local" of pve1.*No space left.*Free space/, () => {
      local.totalBytes = 2 ** 40;
    });
  });
});

describe('a service whose guests cannot run', () => {
  it('says how the health check fails that never passes', async () => {
    const spine = await prepared();
    spine.processes = 'unhealthy';
    await spine.createService();
    await expectBadEnd(spine, 'False DeploymentFailed', /Guest web-r1-0 was not ready in time: .*status 503/);
  });

  it('says how the process ends that crashes at once', async () => {
    const spine = await prepared();
    spine.processes = 'crashing';
    await spine.createService();
    await spine.world.run(60_000);
    expect(await spine.readyMessage()).toMatch(/ended with code 1/);
    await expectBadEnd(spine, 'False DeploymentFailed', /ended with code 1/);
  });

  it('waits for room on the storage of the root disks, and names it', async () => {
    const spine = await prepared();
    const lvm = spine.proxmox.storages.get('local-lvm');
    if (!lvm) throw new Error('The fake has a storage local-lvm.');
    lvm.totalBytes = 2 ** 20;
    await spine.createService();
    await expectPatience(spine, /pve1: storage local-lvm has 0 GiB free of the 4 GiB needed. Free space/, () => {
      lvm.totalBytes = 2 ** 40;
    });
  });

  it('fails in the end where there is no room, and names what Proxmox said', async () => {
    const spine = await prepared();
    const exit = "unable to create CT 20000 - lvcreate 'pve/vm-20000-disk-0' error: insufficient free space";
    spine.proxmox.planTask('vzcreate', { exit, times: 1_000 });
    await spine.createService();
    await expectBadEnd(spine, 'False DeploymentFailed', /insufficient free space. Free space/);
  });

  it('waits for a cluster where there is none', async () => {
    const spine = await prepared({ cluster: false });
    await spine.createService();
    await expectPatience(spine, /No ProxmoxCluster has the region "default". Create one/, () => spine.createCluster());
  });

  it('waits for a privilege that the token lacks, and names it', async () => {
    const spine = await prepared();
    const all = spine.proxmox.tokenPermissions;
    const { 'VM.Allocate': _, ...rest } = all['/'] ?? {};
    spine.proxmox.tokenPermissions = { '/': rest };
    await spine.createService();
    await expectPatience(
      spine,
      /ProxmoxCluster home: The API token lacks privileges. Grant: VM.Allocate on \/vms/,
      () => {
        spine.proxmox.tokenPermissions = all;
      },
    );
  });

  it('waits for a bridge that the cluster lacks, and names it', async () => {
    const spine = await prepared({ cluster: false });
    const network = { addressing: 'dhcp', bridge: 'vmbr7' };
    await spine.createCluster({ network });
    await spine.createService();
    await spine.world.run(60_000);
    expect(await spine.readyMessage()).toMatch(/ProxmoxCluster home: Bridge "vmbr7" does not exist on pve1/);
    await expectCalm(spine);
    await expectLeavesNothing(spine);
  });

  it('waits for a storage that the cluster lacks, and names it', async () => {
    const spine = await prepared({ cluster: { storages: { rootfs: 'tank', templates: 'local' } } });
    await spine.createService();
    await spine.world.run(60_000);
    expect(await spine.readyMessage()).toMatch(/ProxmoxCluster home: Storage "tank" \(spec.storages.rootfs\)/);
    await expectCalm(spine);
    await expectLeavesNothing(spine);
  });

  it('waits for the Secret that its cluster needs', async () => {
    const spine = await prepared({ cluster: { tokenSecretRef: { name: 'absent' } } });
    await spine.createService();
    await expectPatience(spine, /ProxmoxCluster home: .*absent/, () =>
      spine.secrets.set('absent', { tokenId: 'a@pve!b', secret: 'x' }),
    );
  });

  it('waits for a key of a Secret and starts once it is there', async () => {
    const spine = await prepared();
    const env = [{ name: 'TOKEN', valueFrom: { secretRef: { name: 'app', key: 'token' } } }];
    await spine.createService('web', { env });
    await expectPatience(spine, /env TOKEN: There is no Secret "app" in the project/, async () => {
      spine.secrets.set('app', { token: 'x' });
      await spine.create(Secret, 'app', { data: { token: 'x' } }, 'shop');
    });
  });

  it('waits for a free vmid', async () => {
    const spine = await prepared({ cluster: { vmidRange: { from: 20_000, to: 20_000 } } });
    const stranger = spine.proxmox.addStranger(20_000, { running: true });
    await spine.createService();
    await expectPatience(spine, /All vmids from 20000 to 20000 of home are taken. Widen spec.vmidRange/, () =>
      spine.proxmox.removeGuest(stranger.vmid),
    );
  });

  it('waits for a free address', async () => {
    const network = {
      addressing: 'static',
      bridge: 'vmbr0',
      cidr: '10.40.0.0/24',
      pool: { from: '10.40.0.50', to: '10.40.0.50' },
    };
    const spine = await prepared({ cluster: { network } });
    await spine.createService('other');
    await spine.world.runUntilQuiet();
    await spine.createService();
    await expectPatience(spine, /All addresses of the pool of home are taken. Widen spec.network.pool/, () =>
      spine.deleteService('other'),
    );
  });

  it('is told apart from one that asks for no guests at all', async () => {
    const spine = await prepared();
    await spine.createService('web', { replicas: 0 });
    await spine.world.runUntilQuiet();
    expect(spine.readyOf(await spine.service())).toBe('True NoReplicas');
    await spine.edit(Service, 'web', (spec) => ({ ...spec, replicas: 1 }));
    await spine.world.runUntilQuiet();
    await expectAtRest(spine, 1);
    await expectLeavesNothing(spine);
  });
});
