import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { imageArchive, tarArchive, writeWebImage } from '../testing/image-archive.ts';
import { startTestSandbox, type TestSandbox } from '../testing/test-sandbox.ts';

let test: TestSandbox;
beforeEach(async () => {
  test = await startTestSandbox({ lockWaitMs: 50 });
});
afterEach(() => test.close());

const guest = '/nodes/pve1/lxc/100';

async function logOf(upid: string): Promise<string[]> {
  const path = `/nodes/pve1/tasks/${encodeURIComponent(upid)}/log`;
  const lines = z.array(z.object({ t: z.string() })).parse(await test.api.data('GET', path, { limit: 0 }));
  return lines.map(({ t }) => t);
}

describe('creating a guest from an image', () => {
  it('lets entrypoint, environment and console of the image win over those asked for', async () => {
    await test.create(100, { entrypoint: '/bin/other', env: 'X=1', cmode: 'tty', net0: 'name=eth0,bridge=vmbr0' });
    expect(await test.api.data('GET', `${guest}/config`)).toMatchObject({
      entrypoint: '/bin/httpd -f',
      env: 'PATH=/bin',
      cmode: 'console',
      net0: expect.stringContaining('host-managed=1'),
      lxc: [['lxc.signal.halt', 'SIGTERM']],
    });
  });

  it('leaves host-managed alone where it was decided', async () => {
    await test.create(100, { net0: 'name=eth0,bridge=vmbr0,host-managed=0' });
    expect(await test.api.data('GET', `${guest}/config`)).toMatchObject({
      net0: expect.stringContaining('host-managed=0'),
    });
  });

  it('breaks at a command with a line break', async () => {
    await writeWebImage(test.sandbox.admin.volumePath('pve1', 'local:vztmpl/multi.tar'), { Cmd: ['a\nb'] });
    expect(await test.create(100, { ostemplate: 'local:vztmpl/multi.tar' })).toBe(
      "unable to create CT 100 - detected invalid newline inside property 'entrypoint'",
    );
  });

  it('takes an archive whose entries begin with ./ for an ordinary one', async () => {
    const path = test.sandbox.admin.volumePath('pve1', 'local:vztmpl/dots.tar');
    const names = ['./oci-layout', './index.json', './blobs/sha256/x'];
    await writeFile(path, await tarArchive(names.map((name) => ({ name, content: 'x' }))));
    expect(await test.create(100, { ostemplate: 'local:vztmpl/dots.tar' })).toBe('OK');
    expect(await test.api.data('GET', `${guest}/config`)).not.toHaveProperty('entrypoint');
  });

  it.each([
    [
      'debian with its version file',
      { 'etc/os-release': 'ID=debian\n', 'etc/debian_version': '13.1\n' },
      'OK',
      'debian',
    ],
    [
      'debian without it, as distroless images are',
      { 'etc/os-release': 'ID=debian\n' },
      'unable to create CT 100 - unable to read version info',
      undefined,
    ],
    [
      'an unknown distribution',
      { 'etc/os-release': 'ID=wolfi\n' },
      'unable to create CT 100 - unable to detect OS distribution',
      undefined,
    ],
    ['no distribution at all', {}, 'OK', 'unmanaged'],
  ])('looks at what is inside when no ostype is given: %s', async (_, content, end, ostype) => {
    const files = Object.entries(content).map(([name, text]) => ({ name, content: text }));
    const archive = await imageArchive({ files, config: { Cmd: ['/bin/x'] } });
    await writeFile(test.sandbox.admin.volumePath('pve1', 'local:vztmpl/os.tar'), archive);
    const parameters = { vmid: 100, ostemplate: 'local:vztmpl/os.tar', rootfs: 'local:1' };
    expect(await test.api.task('POST', '/nodes/pve1/lxc', parameters)).toBe(end);
    if (ostype === undefined) expect((await test.api.call('GET', `${guest}/config`)).status).toBe(500);
    else expect(await test.api.data('GET', `${guest}/config`)).toMatchObject({ ostype });
  });

  it('fails on a storage that is full, and leaves no volume behind', async () => {
    test.sandbox.addStorage({ name: 'small', totalBytes: 40 * 1024 ** 2 });
    expect(await test.create(100, { rootfs: 'small:1', mp0: 'small:1,mp=/data' })).toMatch(
      /^unable to create CT 100 - command 'mkfs\.ext4 .*' failed: exit code 1$/,
    );
    expect(await test.api.data('GET', '/nodes/pve1/storage/small/content')).toEqual([]);
    expect(await test.create(100, { rootfs: 'small:1' })).toBe('OK');
  });

  it('lets exactly one of many win a vmid, on whatever node', async () => {
    const parameters = { vmid: 100, ostemplate: 'local:vztmpl/web.tar', ostype: 'unmanaged', rootfs: 'local:1' };
    await writeWebImage(test.sandbox.admin.volumePath('pve2', 'local:vztmpl/web.tar'));
    const answers = await Promise.all(
      ['pve1', 'pve2', 'pve1', 'pve2'].map((node) => test.api.call('POST', `/nodes/${node}/lxc`, parameters)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ statusText }) => statusText.startsWith('CT 100 already exists on node'))).toHaveLength(3);
    await test.sandbox.settle();
  });

  it("starts it in a task of its own when that is asked, whose end is nobody else's", async () => {
    expect(await test.create(100, { start: 1, net0: 'name=eth0,bridge=none' })).toBe('OK');
    await test.sandbox.settle();
    expect(await test.api.data('GET', '/nodes/pve1/tasks', { typefilter: 'vzstart' })).toMatchObject([
      { status: "bridge 'none' does not exist" },
    ]);
  });
});

describe('the statistics of the cluster', () => {
  it('know nothing of a new guest until they are renewed, but its lock and tags', async () => {
    await test.create(100, { tags: 'a' });
    const look = () => test.api.data('GET', '/cluster/resources', { type: 'vm' });
    expect(await look()).toEqual([
      { id: 'lxc/100', type: 'lxc', vmid: 100, node: 'pve1', status: 'unknown', tags: 'a' },
    ]);
    await test.sandbox.tick();
    await test.api.task('POST', `${guest}/status/start`);
    await test.api.data('PUT', `${guest}/config`, { tags: 'b', hostname: 'new' });
    expect(await look()).toMatchObject([{ status: 'stopped', tags: 'b', name: 'CT100' }]);
    await test.sandbox.tick();
    expect(await look()).toMatchObject([{ status: 'running', name: 'new' }]);
  });
});

describe('changing a guest that runs', () => {
  it('applies limits at once and leaves the rest for the next start', async () => {
    await test.create(100);
    await test.api.task('POST', `${guest}/status/start`);
    await test.api.data('PUT', `${guest}/config`, { memory: 64, env: 'A=2', entrypoint: '/bin/httpd' });
    expect(await test.api.data('GET', `${guest}/config`, { current: 1 })).toMatchObject({
      memory: 64,
      env: 'PATH=/bin',
    });
    expect(await test.api.data('GET', `${guest}/config`)).toMatchObject({ env: 'A=2' });
    await test.api.task('POST', `${guest}/status/stop`);
    expect(await test.api.data('GET', `${guest}/config`, { current: 1 })).toMatchObject({ env: 'A=2' });
    expect(await test.api.data('GET', `${guest}/pending`)).not.toContainEqual(
      expect.objectContaining({ pending: expect.anything() }),
    );
  });

  it('is refused with another digest than the one that was read', async () => {
    await test.create(100);
    const { digest } = z.object({ digest: z.string() }).parse(await test.api.data('GET', `${guest}/config`));
    expect((await test.api.call('PUT', `${guest}/config`, { memory: 64, digest })).status).toBe(200);
    expect((await test.api.call('PUT', `${guest}/config`, { memory: 128, digest })).statusText).toBe(
      'detected modified configuration - file changed by other user? Try again.',
    );
  });

  it('waits for the lock and gives up in the task that holds none', async () => {
    await test.create(100, { ostemplate: 'local:vztmpl/web.tar' });
    await test.api.data('PUT', `${guest}/config`, { entrypoint: '/bin/sleep 99' });
    const archive = await imageArchive({
      files: [{ name: 'bin/sleep', content: 'x' }],
      config: { Cmd: ['/bin/sleep', '9'] },
    });
    await writeFile(test.sandbox.admin.volumePath('pve1', 'local:vztmpl/sleep.tar'), archive);
    await test.create(101, { ostemplate: 'local:vztmpl/sleep.tar' });
    await test.api.task('POST', '/nodes/pve1/lxc/101/status/start');
    const shutdown = z
      .string()
      .parse(await test.api.data('POST', '/nodes/pve1/lxc/101/status/shutdown', { timeout: 1 }));
    const stop = z.string().parse(await test.api.data('POST', '/nodes/pve1/lxc/101/status/stop'));
    const lockText = "can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout";
    expect(await test.api.taskEnd(stop)).toBe(lockText);
    expect(await logOf(stop)).toEqual(['trying to acquire lock...', `TASK ERROR: ${lockText}`]);
    expect(await test.api.taskEnd(shutdown)).toBe('container did not stop');
  });
});

describe('rights', () => {
  it('on a pool alone do not show a guest before its creation ended', async () => {
    test.sandbox.addPool('p');
    test.sandbox.setAcl('/pool/p', 'a@pve', 'PVEVMAdmin');
    test.sandbox.setAcl('/storage', 'a@pve', 'PVEDatastoreUser');
    test.sandbox.faults.onTask({ match: { type: 'vzcreate' }, extraMs: 400 });
    const api = await test.clientFor('a@pve');
    const parameters = { vmid: 100, ostemplate: 'local:vztmpl/web.tar', ostype: 'unmanaged', pool: 'p' };
    const upid = z.string().parse(await api.data('POST', '/nodes/pve1/lxc', parameters));
    expect((await api.call('GET', `${guest}/config`)).statusText).toBe('Permission check failed (/vms/100, VM.Audit)');
    expect(await api.taskEnd(upid)).toBe('OK');
    expect((await api.call('GET', `${guest}/config`)).status).toBe(200);
    const tagged = await api.call('POST', '/nodes/pve1/lxc', { ...parameters, vmid: 101, tags: 'x' });
    expect(tagged.statusText).toBe('Permission check failed (/vms/101, VM.Config.Options)');
  });

  it('are needed for the bridge too', async () => {
    test.sandbox.setAcl('/vms', 'a@pve', 'PVEVMAdmin');
    test.sandbox.setAcl('/storage', 'a@pve', 'PVEDatastoreUser');
    const api = await test.clientFor('a@pve');
    const net0 = 'name=eth0,bridge=vmbr0,tag=5';
    const parameters = { vmid: 100, ostemplate: 'local:vztmpl/web.tar', net0 };
    const answer = await api.call('POST', '/nodes/pve1/lxc', parameters);
    expect(answer.statusText).toBe('Permission check failed (/sdn/zones/localnetwork/vmbr0/5, SDN.Use)');
  });
});
