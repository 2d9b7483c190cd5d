import { describe, expect, it } from 'vitest';
import type { ProxmoxMeaning } from './fault.ts';
import { backupRefusal, faultOf, meaningOfExit } from './refusals.ts';
import { recordedAnswers } from './testing/reference.ts';

function read(status: number, text: string, errors: Record<string, string> = {}) {
  return faultOf({ status, text, errors }, 'start guest 100 on node pve1');
}

describe('faultOf', () => {
  it.each<[number, string, ProxmoxMeaning]>([
    [500, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist", 'absent'],
    [500, "CT 100 already exists on node 'pve1'", 'exists'],
    [500, "unable to create CT 100 - CT 100 already exists on node 'pve1'", 'exists'],
    [500, 'CT is locked (backup)', 'locked'],
    [500, "can't lock file '/run/lock/lxc/pve-config-103.lock' - got timeout", 'busy'],
    [500, "cfs-lock 'storage-nfs' error: got lock request timeout", 'busy'],
    [500, 'detected modified configuration - file changed by other user? Try again.', 'modified'],
    [500, 'CT 100 already running', 'running'],
    [500, 'unable to destroy CT 100 - container is running', 'running'],
    [500, 'CT 100 not running', 'notRunning'],
    [500, "can't remove CT 100 - protection mode enabled", 'protected'],
    [403, 'Permission check failed (/vms/100, VM.Audit)', 'forbidden'],
    [403, "Permission check failed (pool 'nopool' does not exist)", 'forbidden'],
    [403, "Permission check failed (storage 'nope' does not exist)", 'forbidden'],
    [401, 'Authentication failed!', 'unauthenticated'],
    [401, 'No ticket', 'unauthenticated'],
    [500, 'cluster not ready - no quorum?', 'noQuorum'],
    [595, 'No route to host', 'nodeUnreachable'],
    [596, 'Connection timed out', 'noAnswer'],
    [500, 'got no worker upid - start worker failed', 'noAnswer'],
    [
      500,
      "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known",
      'nodeUnreachable',
    ],
    [500, 'no options specified', 'invalid'],
    [500, "storage 'nope' does not exist", 'invalid'],
    [501, "Method 'GET /nope' not implemented", 'invalid'],
    [501, 'for data too large', 'invalid'],
    [
      500,
      'lvcreate \'pve/vm-100-disk-0\' error: Volume group "pve" has insufficient free space (0 extents): 2048 required.',
      'storageFull',
    ],
    [500, 'something nobody has seen before', 'other'],
  ])('reads %i "%s" as %s', (status, text, meaning) => {
    expect(read(status, text).meaning).toBe(meaning);
  });

  it('reads parameter errors as invalid and names each parameter', () => {
    const fault = read(400, 'Parameter verification failed.\n', { memory: 'value must have a minimum value of 16' });
    expect(fault.meaning).toBe('invalid');
    expect(fault.message).toContain('memory: value must have a minimum value of 16');
  });

  it('does not blame the request when a device could not be changed on the running guest', () => {
    expect(read(400, 'Parameter verification failed.', { net0: 'unable to hotplug net0: error' }).meaning).toBe(
      'other',
    );
  });

  it('tells which lock holds a guest, and how an abandoned one is taken off', () => {
    const fault = read(500, 'CT is locked (create)');
    expect(fault.lock).toBe('create');
    expect(fault.message).toContain('pct unlock');
  });

  it('tells which privilege is missing where', () => {
    const fault = read(403, 'Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)\n');
    expect(fault.missing).toBe('/storage/local, Datastore.Audit|Datastore.AllocateSpace');
    expect(fault.message).toContain('Datastore.Audit or Datastore.AllocateSpace on /storage/local');
  });

  it('keeps a message to one line, with what was asked and what Proxmox said', () => {
    const fault = read(500, 'first line\nsecond line\n');
    expect(fault.message).toBe('Proxmox refused to start guest 100 on node pve1: first line second line.');
  });
});

describe('meaningOfExit', () => {
  it.each<[string, ProxmoxMeaning]>([
    ["unable to create CT 213 - volume 'local:vztmpl/none.tar' does not exist", 'absent'],
    ['CT is locked (backup)', 'locked'],
    ["bridge 'vmbr77' does not exist", 'invalid'],
    ["startup for container '101' failed", 'invalid'],
    ['write failed: No space left on device', 'storageFull'],
    ['container did not stop', 'other'],
    ['unexpected status', 'other'],
  ])('reads "%s" as %s', (exit, meaning) => {
    expect(meaningOfExit(exit)).toBe(meaning);
  });
});

const recorded = recordedAnswers();

describe.skipIf(!recorded)('refusals of genuine Proxmox code', () => {
  const refused = (recorded ?? []).flatMap(({ status, statusText, body }) =>
    status !== null && status >= 400
      ? [{ status, text: body?.message ?? statusText ?? '', errors: body?.errors ?? {} }]
      : [],
  );

  it('are all understood but those that no call of ours can meet', () => {
    const unknown = new Set(
      refused.filter((one) => faultOf(one, 'x').meaning === 'other').map(({ text }) => text.trim()),
    );
    expect([...unknown].map((text) => text.split(/[ :]/, 2).join(' ')).sort()).toEqual([
      "'\"' expected,",
      'Parameter verification',
      'RRD error',
      'SSH public',
      "command 'skopeo",
      "command 'skopeo",
      'no such',
      'volume_size_info on',
    ]);
  });

  it('deny by status, whatever they say', () => {
    for (const one of refused) {
      if (one.status === 401) expect(faultOf(one, 'x').meaning).toBe('unauthenticated');
      if (one.status === 403) expect(faultOf(one, 'x').meaning).toBe('forbidden');
    }
  });

  it('say "absent" of a guest only with the text about its config', () => {
    const absent = refused.filter((one) => faultOf(one, 'x').meaning === 'absent' && one.errors['upid'] === undefined);
    expect(absent.length).toBeGreaterThan(10);
    for (const { text } of absent) expect(text).toMatch(/^Configuration file '/);
  });
});

describe('backupRefusal', () => {
  const failed = 'ERROR: Backup of VM 100 failed - ';

  it.each<[string, string[], ProxmoxMeaning, RegExp]>([
    [
      'a storage without room',
      [`${failed}command 'tar' failed: No space left on device`],
      'storageFull',
      /^command 'tar'/,
    ],
    [
      'room that ran out lines before',
      ['zstd: error 70 : Write error : No space left on device', `${failed}command 'zstd' failed: exit code 70`],
      'storageFull',
      /exit code 70$/,
    ],
    [
      'a limit of the storage',
      [`${failed}There is a max backup limit of 3 enforced by the target storage`],
      'backupLimit',
      /limit of 3/,
    ],
    ['a lock', [`${failed}CT is locked (snapshot)`], 'locked', /snapshot/],
    ['a log that says nothing', ['INFO: starting new backup job'], 'other', /^job errors$/],
  ])('reads %s from the log of the task', (_, log, meaning, words) => {
    expect(backupRefusal(log, 'job errors')).toEqual({ meaning, words: expect.stringMatching(words) });
  });
});
