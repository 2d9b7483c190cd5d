import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import { Backup } from '../../crds/backup.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type ResourceReader } from '../../controller/reconciler.ts';
import type { FakeGuestRuns } from '../../reconcilers/providers/guest/fake-runs.ts';
import { mountText } from '../../reconcilers/providers/proxmox/mount.ts';
import type { FakeProxmox } from '../../reconcilers/providers/proxmox/fake.ts';

// The loops around a backup's in short, over a Proxmox that outlives the process.

const TICK_MS = 300;
const GIB = 2 ** 30;

/** What the guests of a scenario print when they are asked to. */
export interface Engines {
  digest: string;
  dump: { output: string; code?: number };
  /** What of the dump is found in the archive. */
  dumpRead: string;
  archive: { output: string; code?: number };
  quiesce: { output: string; code?: number };
}

/** Guests that are there at once, and held or not as their spec says. Each has a vmid of its own, by its uid. */
export function shortGuestLoop(
  proxmox: FakeProxmox,
  runs: FakeGuestRuns,
  engines: Engines,
  read: ResourceReader,
): Reconciler<Guest> {
  return {
    kind: Guest,
    watches: [watching(Volume, ({ metadata }, all) => all.list(Guest, metadata.namespace).map((one) => one.metadata))],
    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const vmid = vmidOf(proxmox, metadata.uid);
      if (!proxmox.guests.has(vmid)) proxmox.addStranger(vmid, { description: metadata.uid });
      const guest = proxmox.guests.get(vmid);
      pass.status = { ...pass.status, cluster: 'home', node: 'pve1', vmid, created: true };
      const volume = read.get(Volume, { namespace: metadata.namespace, name: spec.mounts[0]?.volume ?? '' });
      if (volume?.status.attachedUid !== metadata.uid) return say(pass, 'False', 'WaitingForVolume', 1_000);
      if (guest && !guest.running) proxmox.touch(vmid, (one) => proxmox.run(one));
      const { digest, dump, dumpRead, archive, quiesce } = engines;
      runs.answer(metadata.uid, 'digest', { output: digest });
      runs.answer(metadata.uid, 'dump', dump);
      runs.answer(metadata.uid, 'dump-read', { output: dumpRead });
      runs.answer(metadata.uid, 'archive', archive);
      runs.answer(metadata.uid, 'load', { output: '' });
      runs.answer(metadata.uid, 'quiesce', quiesce);
      pass.status = { ...pass.status, power: 'running', addresses: [`10.0.0.${vmid - 100}`] };
      return say(pass, 'True', spec.hold ? 'Held' : 'Healthy');
    },
    async finalize({ resource: { metadata } }) {
      const held = read.list(Volume, metadata.namespace).some(({ status }) => status.attachedUid === metadata.uid);
      if (held) return waiting('WaitingForVolume', 'A volume is here.', 1_000);
      const vmid = vmidOf(proxmox, metadata.uid);
      const guest = proxmox.guests.get(vmid);
      if (guest?.lock !== undefined) return waiting('Locked', 'It is locked.', 1_000);
      if (guest) proxmox.touch(vmid, (one) => proxmox.halt(one));
      if (guest) proxmox.removeGuest(vmid);
      return settled();
    },
  };
}

/** Volumes that come out of their backup after a moment, and are at their guest at once. */
export function shortVolumeLoop(proxmox: FakeProxmox, read: ResourceReader): Reconciler<Volume> {
  return {
    kind: Volume,
    watches: [watching(Guest, ({ metadata }, all) => all.list(Volume, metadata.namespace).map((one) => one.metadata))],
    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      if (spec.source !== undefined && pass.status.volid === undefined) {
        const from = read.get(Backup, { namespace: metadata.namespace, name: spec.source.backup })?.status;
        const backup = proxmox.storages.get(from?.storage ?? '')?.backups.get(from?.volid ?? '');
        if (!backup || backup.isDamaged) return stalled('BackupUnreadable', 'The archive ends too early.');
        const ageMs = pass.now.getTime() - Date.parse(metadata.creationTimestamp);
        if (ageMs < TICK_MS) return say(pass, 'False', 'Restoring', TICK_MS);
        pass.status = { ...pass.status, cluster: 'home', node: 'pve1', volid: `local-lvm:${metadata.uid}` };
      }
      const wanted = read.get(Guest, { namespace: metadata.namespace, name: spec.guest ?? '' });
      const guest = wanted?.metadata.deletionTimestamp === undefined ? wanted : undefined;
      if (guest?.status.created !== true) {
        const { attachedUid: _, attachedTo: __, ...rest } = pass.status;
        pass.status = rest;
        return say(pass, 'True', 'VolumeParked');
      }
      const { vmid = 0 } = guest.status;
      const storage = proxmox.storages.get('local-lvm');
      proxmox.touch(vmid, (one) => {
        if (one.config.mounts['mp0'] !== undefined) return;
        const volume = storage?.allocate('pve1', vmid, GIB);
        const path = guest.spec.mounts[0]?.mountPath ?? '/data';
        const mp0 = mountText({ volume: volume?.volid ?? '', path, readOnly: false });
        one.config = { ...one.config, mounts: { mp0 } };
      });
      const at = { attachedUid: guest.metadata.uid, attachedTo: guest.metadata.name, vmid, key: 'mp0' };
      const place = { cluster: 'home', node: 'pve1', volid: `local-lvm:${metadata.uid}` };
      pass.status = { ...pass.status, ...place, ...at, size: spec.size };
      return say(pass, 'True', 'VolumeAttached');
    },
  };
}

/** The vmid whose description is the uid; the next free one otherwise. */
function vmidOf(proxmox: FakeProxmox, uid: string): number {
  for (const { vmid, config } of proxmox.guests.values()) if (config.description === uid) return vmid;
  return Math.max(100, ...proxmox.guests.keys()) + 1;
}

function say<R extends Resource>(
  pass: Pass<R>,
  status: ConditionInput['status'],
  reason: ConditionInput['reason'],
  checkAfterMs?: number,
): Outcome {
  const at = { generation: pass.resource.metadata.generation, now: pass.now };
  const message = `It is ${reason}.`;
  pass.status.conditions = setCondition(pass.status.conditions, { type: 'Ready', status, reason, message }, at);
  return checkAfterMs === undefined ? settled() : waiting(reason, message, checkAfterMs);
}
