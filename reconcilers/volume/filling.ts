import { Backup } from '../../crds/backup.ts';
import { findCondition } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import type { Volume } from '../../crds/volume.ts';
import { stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, Resources } from '../../controller/reconciler.ts';
import { BACKUP_COMMANDS, readDigest } from '../shared/backup-commands.ts';
import { copyTrouble } from '../shared/copy-failure.ts';
import { bucketOf, type ReadBucketSecret } from '../shared/copy-place.ts';
import { Jobs } from '../shared/jobs.ts';
import { restorableFrom } from '../../crds/restorable-from.ts';
import { Setbacks } from '../shared/setbacks.ts';
import { troubleOf, type Trouble } from '../shared/trouble.ts';
import { bringBack, type CopyReader } from './bring-back.ts';
import { fillerGuest, fillerName } from './filler.ts';

export interface FillingDeps extends CopyReader {
  resources: Resources;
  readSecret: ReadBucketSecret;
}

/** A volume that is being filled: as it is to be meanwhile, empty at first and with the filler. */
export interface Filling {
  volume: Volume;
  backup: Backup;
  guest: Guest;
}

const HELD_CHECK_MS = 2_000;
const STAGE = 'fill';

/** Volumes out of copies: of these backups no archive is left, so an empty volume is made and the copy is unpacked on it. */
export class VolumeFilling {
  readonly #deps: FillingDeps;
  readonly #jobs: Jobs<void>;
  readonly #setbacks = new Setbacks();

  /** `onEnd` is called with the uid of a volume whose unpacking ended. */
  constructor(deps: FillingDeps, onEnd: (uid: string) => void) {
    this.#deps = deps;
    this.#jobs = new Jobs(onEnd);
  }

  stopAll(): void {
    this.#jobs.abortAll();
  }

  /** Undefined for a volume that is not filled from a copy, or is full. */
  async begin(pass: Pass<Volume>): Promise<Filling | { outcome: Outcome } | undefined> {
    const { resource } = pass;
    const { read, write } = this.#deps.resources;
    const { namespace } = resource.metadata;
    const { source } = resource.spec;
    const backup = source && read.get(Backup, { namespace, name: source.backup });
    if (!pass.status.filling) {
      const { volid, keeperVmid, moving } = pass.status;
      const isNew = volid === undefined && keeperVmid === undefined && moving === undefined;
      const isLeaving = resource.metadata.deletionTimestamp !== undefined;
      if (!isNew || isLeaving || !backup || restorableFrom(backup) !== 'copy') return undefined;
      // From now on it counts as empty, whatever volid it gets.
      pass.status = { ...pass.status, filling: { startedAt: pass.now.toISOString() } };
      await pass.checkpoint();
    }
    const guest = read.get(Guest, { namespace, name: fillerName(resource) });
    if (pass.status.filling?.filledAt !== undefined || resource.metadata.deletionTimestamp !== undefined) {
      this.#jobs.abort(resource.metadata.uid);
      if (guest && guest.metadata.deletionTimestamp === undefined) await write.delete(Guest, guest);
      return undefined;
    }
    if (!backup) return { outcome: stalled('BackupNotFound', 'The backup whose copy it is to hold is gone.') };
    if (guest) {
      const { source: _, ...spec } = resource.spec;
      return { backup, guest, volume: { ...resource, spec: { ...spec, guest: guest.metadata.name } } };
    }
    const made = fillerGuest(resource, backup, read);
    if (!made) {
      const message = 'There is no image of which a guest could be made to unpack the copy in. Deploy something first.';
      return { outcome: waiting('ArtifactMissing', message, 10_000) };
    }
    await write.create(Guest, made);
    return { outcome: waiting('Restoring', 'A guest is made to unpack the copy in.', HELD_CHECK_MS) };
  }

  /** Unpacks the copy on a volume that its filler has, and holds all files to the digest of the backup. */
  async fill(pass: Pass<Volume>, { backup, guest }: Filling): Promise<Outcome> {
    const { uid } = pass.resource.metadata;
    const { filling, attachedUid } = pass.status;
    if (attachedUid !== guest.metadata.uid || !filling) return restoring('The volume is on its way to its filler.');
    const ready = findCondition(guest.status.conditions, 'Ready');
    if (ready?.status !== 'True' || ready.reason !== 'Held')
      return restoring(troubleOf(guest)?.message ?? 'The guest that unpacks the copy is being started.');
    if (filling.unpackedAt !== undefined) return this.#check(pass, guest, backup, filling.unpackedAt);
    const job = this.#jobs.look(uid, STAGE);
    if (job?.state === 'running') return restoring('The copy is being unpacked.');
    if (job) this.#jobs.forget(uid);
    if (job?.state === 'done') {
      pass.status = { ...pass.status, filling: { ...filling, unpackedAt: pass.now.toISOString() } };
      return restoring('The copy is unpacked.', 0);
    }
    if (job) {
      const { reason, message } = copyTrouble(job.error);
      if (reason === 'InternalError') pass.log.error({ err: job.error }, 'A bug: unpacking a copy failed.');
      return this.#setBack(pass, { reason, message });
    }
    const last = this.#setbacks.last(uid);
    const restMs = this.#setbacks.restMs(uid, pass.now);
    if (last && restMs > 0) return waiting(last.reason, last.message, restMs);
    const bucket = bucketOf(backup, this.#deps.readSecret);
    if (!bucket.ok) return this.#setBack(pass, bucket);
    const runId = `${uid}-u${pass.now.getTime()}`;
    const input = { backup, guestUid: guest.metadata.uid, runId, access: bucket.access };
    this.#jobs.start(uid, STAGE, (signal) => bringBack(this.#deps, input, signal));
    return restoring('The copy is being unpacked.');
  }

  async #check(pass: Pass<Volume>, guest: Guest, { status }: Backup, unpackedAt: string): Promise<Outcome> {
    const { uid } = pass.resource.metadata;
    const id = `${uid}-c${Date.parse(unpackedAt)}`;
    const request = { id, command: BACKUP_COMMANDS.digest };
    const run = await this.#deps.links.run(guest.metadata.uid, request, pass.signal);
    if (run.state !== 'exited') return restoring('All that was unpacked is being read.');
    const startedAt = pass.status.filling?.startedAt ?? unpackedAt;
    const digest = run.code === 0 ? readDigest(run.tail)?.sha256 : undefined;
    if (digest !== undefined && digest === status.checksum) {
      this.#setbacks.clear(uid);
      pass.status = { ...pass.status, filling: { startedAt, unpackedAt, filledAt: pass.now.toISOString() } };
      return restoring('The volume has all that the backup has.', 0);
    }
    pass.status = { ...pass.status, filling: { startedAt } };
    const found = digest === undefined ? `could not be read (code ${run.code})` : `has digest ${digest}`;
    const message = `What was unpacked from the copy ${found}, and the backup has digest ${status.checksum}.`;
    return this.#setBack(pass, { reason: 'DigestMismatch', message });
  }

  #setBack(pass: Pass<Volume>, { reason, message }: Trouble): Outcome {
    return waiting(reason, message, this.#setbacks.note(pass.resource.metadata.uid, { reason, message }, pass.now));
  }
}

function restoring(message: string, checkAfterMs = HELD_CHECK_MS): Outcome {
  return waiting('Restoring', message, checkAfterMs);
}
