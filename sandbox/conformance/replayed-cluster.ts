import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import { createSimulatedEngine } from '../simulated/simulated-engine.ts';
import { imageArchive, tarArchive } from '../testing/image-archive.ts';

/** A cluster set up as the one that the answers were recorded on. */
export interface ReplayedCluster {
  sandbox: Sandbox;
  secrets: Readonly<Record<string, string>>;
  /** Puts a template onto a storage without the API. */
  place(name: string, content: Uint8Array): Promise<void>;
  images: Readonly<Record<string, Buffer>>;
  close(): Promise<void>;
}

const devRole = [
  'VM.Allocate',
  'VM.Audit',
  'VM.Config.CPU',
  'VM.Config.Disk',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.PowerMgmt',
  'VM.Backup',
];

const webEntrypoint = {
  Entrypoint: ['/bin/entry.sh'],
  Cmd: ['/bin/httpd', '-f', '-p', '80', '-h', '/var/www'],
  WorkingDir: '/srv',
};
const program = { content: 'a program', mode: 0o755 };
const programs = ['bin/busybox', 'bin/sleep', 'bin/echo', 'bin/sh', 'bin/httpd', 'bin/entry.sh', 'sbin/init'].map(
  (name) => ({ name, ...program }),
);

/** Sets up accounts, storages and images as the header of the recording names them. */
export async function replayedCluster(): Promise<ReplayedCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'replay-'));
  let clock = Date.UTC(2026, 10, 23, 18, 26, 0);
  const sandbox = await startSandbox({
    dataDir: join(folder, 'data'),
    nodes: ['pve1'],
    engine: createSimulatedEngine({ stateDir: join(folder, 'engine') }),
    cores: 2,
    memoryMiB: 24_106,
    authDelayMs: 0,
    lockWaitMs: 500,
    taskStopWaitMs: 200,
    statsTickMs: 0,
    taskTimes: { vzcreate: 200, vzdump: 300 },
    now: () => (clock += 250),
  });
  const secrets = await addAccounts(sandbox);
  addStorages(sandbox);
  const images = await makeImages();
  const place = async (name: string, content: Uint8Array): Promise<void> =>
    writeFile(sandbox.admin.volumePath('pve1', `local:vztmpl/${name}`), content);
  for (const [name, content] of Object.entries(images)) await place(name, content);
  return {
    sandbox,
    secrets,
    images,
    place,
    close: async () => {
      await sandbox.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function addAccounts(sandbox: Sandbox): Promise<Record<string, string>> {
  const tokens = [
    ['root@pam', 'full', false],
    ['ops@pve', 'main', false],
    ['ops@pve', 'sep', true],
    ['audit@pve', 'ro', false],
    ['nobody@pve', 'tt', false],
    ['dev@pve', 'main', false],
  ] as const;
  const secrets: Record<string, string> = {};
  for (const [user, name, privsep] of tokens) {
    secrets[`${user}!${name}`] = await sandbox.addToken(user, name, { privsep });
  }
  sandbox.addUser('root@pam', 'root-password');
  sandbox.addUser('login@pve', 'Sup3rSecret!');
  sandbox.setAcl('/', 'ops@pve', 'Administrator');
  sandbox.setAcl('/', 'audit@pve', 'PVEAuditor');
  sandbox.setRole('Dev', devRole);
  sandbox.setAcl('/vms', 'dev@pve', 'Dev');
  return secrets;
}

function addStorages(sandbox: Sandbox): void {
  const btrBytes = 6_442_450_944;
  sandbox.addStorage({
    name: 'btr',
    type: 'btrfs',
    content: ['rootdir', 'images'],
    shownPath: '/mnt/btr',
    totalBytes: btrBytes * 1000,
  });
  sandbox.addStorage({ name: 'isoonly', content: ['iso'], shownPath: '/var/lib/isoonly' });
  sandbox.addStorage({ name: 'off', content: ['vztmpl', 'rootdir'], shownPath: '/var/lib/off', disabled: true });
}

async function makeImages(): Promise<Record<string, Buffer>> {
  const environment = 'PATH=/usr/local/bin:/usr/bin:/bin:/sbin';
  const web = await imageArchive({
    files: [...programs, { name: 'etc/os-release', content: 'ID=busyboxtest\n' }],
    config: { ...webEntrypoint, Env: [environment, 'APP_ENV=production', 'GREETING=hello big world', 'EMPTY='] },
  });
  const user = await imageArchive({
    files: [
      ...programs,
      { name: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' },
      { name: 'etc/group', content: 'root:x:0:\napp:x:1000:\nextra:x:1001:app\n' },
    ],
    config: {
      Cmd: ['/bin/sleep', '3600'],
      User: 'app',
      StopSignal: 'SIGKILL',
      Volumes: { '/data': {} },
      Env: ['PATH=/bin'],
    },
  });
  const inite = await imageArchive({ files: programs, config: { Entrypoint: ['/sbin/init'], Env: ['PATH=/bin'] } });
  return {
    'web_1.0.tar': web,
    'user_1.0.tar': user,
    'inite_1.0.tar': inite,
    'busybox-sys_1.0_amd64.tar.gz': gzipSync(await tarArchive(programs)),
    'garbage_1.0.tar': await tarArchive([{ name: 'note.txt', content: 'no root file system' }]),
    'trunc_1.0.tar': web.subarray(0, Math.floor(web.length / 2)),
  };
}
