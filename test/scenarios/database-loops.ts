import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import { Build } from '../../crds/build.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type ResourceReader } from '../../controller/reconciler.ts';
import { resolveEnvironment } from '../../reconcilers/guest/environment.ts';
import { referenceReader } from '../../reconcilers/guest/references.ts';
import { stableHash } from '../../reconcilers/shared/stable-hash.ts';
import { testGuest } from '../../reconcilers/shared/testing.ts';
import type { DatabaseHost } from './database-host.ts';

// The loops around a database's in short, over a host that outlives the process.

const TICK_MS = 200;

/** Builds end after a moment; what an image is made of follows from its name. */
export function imageLoop(isBroken: () => boolean): Reconciler<Build> {
  return {
    kind: Build,
    async reconcile(pass) {
      const { status, now, resource } = pass;
      if (status.phase === 'Succeeded' || status.phase === 'Failed') return settled();
      status.startedAt ??= now.toISOString();
      if (now.getTime() - Date.parse(status.startedAt) < TICK_MS) return waiting('Building', 'It builds.', TICK_MS);
      const done = { ...status, completedAt: now.toISOString() };
      const digest = `sha256:${stableHash(resource.spec.source.image).padEnd(64, '0')}`;
      const artifact = { ...testGuest().spec.artifact, digest, image: resource.spec.source.image ?? '' };
      pass.status = isBroken()
        ? { ...done, phase: 'Failed', failure: 'There is no such image.' }
        : { ...done, phase: 'Succeeded', artifact };
      return settled();
    },
  };
}

/** Guests that run as their spec says once they have their volume, and leave it before they go. */
export function hostedGuestLoop(
  host: Pick<DatabaseHost, 'make' | 'start' | 'stop' | 'destroy'>,
  look: DatabaseHost,
  read: ResourceReader,
): Reconciler<Guest> {
  const readReference = referenceReader(read, (namespace, name, key) => {
    const value = read.get(Secret, { namespace, name })?.spec.data[key];
    return value === undefined
      ? { ok: false, reason: 'SecretNotFound', message: `${name} has no ${key}.` }
      : { ok: true, value };
  });
  return {
    kind: Guest,
    watches: [watching(Volume, ({ metadata }, all) => all.list(Guest, metadata.namespace).map((one) => one.metadata))],
    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const seen = look.guests.get(metadata.uid);
      if (!seen) {
        await host.make(metadata.uid, metadata.name, spec.address?.host);
        return say(pass, 'False', 'Creating', 0);
      }
      const running = seen.digest !== undefined;
      pass.status = {
        ...pass.status,
        created: true,
        cluster: 'home',
        vmid: seen.vmid,
        reservedAddress: `${seen.address}/24`,
        power: running ? 'running' : 'stopped',
        addresses: running ? [seen.address] : [],
      };
      if (spec.power === 'stopped') {
        if (running) await host.stop(metadata.uid);
        return running ? say(pass, 'False', 'Stopping', 0) : say(pass, 'False', 'Stopped');
      }
      const { namespace } = metadata;
      const volume = read.get(Volume, { namespace, name: spec.mounts[0]?.volume ?? '' });
      if (volume?.status.attachedUid !== metadata.uid) return say(pass, 'False', 'WaitingForVolume', 1_000);
      if (spec.hold) {
        pass.status = { ...pass.status, power: 'running', startedAt: metadata.creationTimestamp };
        return say(pass, 'True', 'Held');
      }
      const digest = stableHash([spec.process, spec.env, spec.restartedAt]);
      if (running && seen.digest !== digest) {
        await host.stop(metadata.uid);
        return say(pass, 'False', 'Restarting', 0);
      }
      if (!running) {
        const environment = resolveEnvironment(pass.resource, readReference);
        if (!environment.ok) return say(pass, 'False', environment.reason, 1_000);
        const version = spec.artifact.image.split(':')[1] ?? '';
        await host.start(metadata.uid, { volume: volume.metadata.name, env: environment.env, digest, version });
        return say(pass, 'False', 'Starting', 0);
      }
      return say(pass, 'True', 'Healthy');
    },
    async finalize({ resource: { metadata } }) {
      const held = read.list(Volume, metadata.namespace).some(({ status }) => status.attachedUid === metadata.uid);
      if (look.guests.get(metadata.uid)?.digest !== undefined) await host.stop(metadata.uid);
      if (held) return waiting('WaitingForVolume', 'A volume is here.', 1_000);
      await host.destroy(metadata.uid);
      return settled();
    },
  };
}

/** Volumes that follow the guest that is to have them, between guests that do not run. */
export function diskLoop(
  host: Pick<DatabaseHost, 'addDisk' | 'restoreDisk'>,
  look: DatabaseHost,
  read: ResourceReader,
): Reconciler<Volume> {
  return {
    kind: Volume,
    watches: [watching(Guest, ({ metadata }, all) => all.list(Volume, metadata.namespace).map((one) => one.metadata))],
    async reconcile(pass) {
      const { metadata, spec, status } = pass.resource;
      if (spec.source && status.volid === undefined) {
        const archive = look.archives.get(spec.source.backup);
        if (archive === undefined) return say(pass, 'False', 'BackupUnreadable', 30_000);
        const ageMs = pass.now.getTime() - Date.parse(metadata.creationTimestamp);
        if (ageMs < TICK_MS) return say(pass, 'False', 'Restoring', TICK_MS);
        await host.restoreDisk(metadata.name, archive);
        pass.status = { ...status, volid: metadata.name, size: spec.size };
        return say(pass, 'False', 'Restoring', TICK_MS);
      }
      const holder = read.list(Guest).find(({ metadata: { uid } }) => uid === status.attachedUid);
      const wanted = read.get(Guest, { namespace: metadata.namespace, name: spec.guest ?? '' });
      const taker = wanted?.metadata.deletionTimestamp === undefined ? wanted : undefined;
      const isHeld = holder !== undefined && look.guests.get(holder.metadata.uid)?.digest !== undefined;
      if (taker?.metadata.uid === status.attachedUid && taker !== undefined) {
        pass.status = { ...status, size: spec.size };
        return say(pass, 'True', 'VolumeAttached');
      }
      if (isHeld) return say(pass, 'False', 'WaitingForGuest', 1_000);
      const { attachedUid: _, attachedTo: __, ...rest } = status;
      pass.status = rest;
      if (taker?.status.created !== true) return say(pass, 'True', 'VolumeParked');
      await host.addDisk(metadata.name);
      const place = { attachedUid: taker.metadata.uid, attachedTo: taker.metadata.name, volid: metadata.name };
      pass.status = { ...rest, ...place, size: spec.size };
      return say(pass, 'True', 'VolumeAttached');
    },
  };
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
