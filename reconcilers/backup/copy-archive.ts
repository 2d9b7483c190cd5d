import type { Backup } from '../../crds/backup.ts';
import { Fault } from '../../controller/errors.ts';
import type { AgeStreams } from '../../controller/secrets/age-streams.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { GuestRun } from '../providers/guest/guest-run.ts';
import { isStorageFault } from '../providers/object-storage/fault.ts';
import type { BucketAccess, ObjectStorage, OpenBucket } from '../providers/object-storage/object-storage.ts';
import { BACKUP_COMMANDS } from '../shared/backup-commands.ts';
import { CopyFault } from '../shared/copy-failure.ts';
import { CopyNote, copyKeys, noteOf, partBytes } from '../shared/copy-place.ts';
import { tapped } from '../shared/tapped-stream.ts';

export interface CopyDeps {
  links: Pick<GuestLinks, 'read'>;
  openBucket: OpenBucket;
  age: AgeStreams;
  installation: string;
}

export interface CopyInput {
  backup: Backup;
  /** A held guest with what was restored from the backup. */
  guestUid: string;
  /** New for each try: a run is streamed once. */
  runId: string;
  access: BucketAccess;
}

export type CopyResult = Omit<NonNullable<Backup['status']['copy']>, 'completedAt'>;

/**
 * Brings what a backup holds into its bucket, encrypted on the way, and looks whether it arrived. The note beside it is written
 * last: with it the copy is whole, also for a process that comes after this one. Throws CopyFault and StorageFault.
 */
export async function copyArchive(deps: CopyDeps, input: CopyInput, signal: AbortSignal): Promise<CopyResult> {
  const { backup, access } = input;
  const keys = copyKeys(backup, deps.installation);
  const bucket = deps.openBucket(access);
  try {
    const url = bucket.urlOf(keys.archive);
    const there = await findCopy(bucket, backup, deps.installation, signal);
    if (there) return { url, sizeBytes: there.object.sizeBytes, checksum: there.tar.sha256 };
    await bucket.abortUploads(keys.archive, signal);
    const { tar, sizeBytes } = await send(deps, input, bucket, keys.archive, signal);
    if (backup.spec.verify) await readCopy(deps.age, bucket, { key: keys.archive, ...tar }, signal);
    const note = noteOf(backup, tar, { key: keys.archive, sizeBytes });
    await bucket.put(keys.note, Buffer.from(`${JSON.stringify(note, undefined, 2)}\n`), 'application/json', signal);
    return { url, sizeBytes, checksum: tar.sha256 };
  } finally {
    await bucket.close();
  }
}

/** A copy of this backup that an earlier try finished, when it is still there. */
async function findCopy(
  bucket: ObjectStorage,
  backup: Backup,
  installation: string,
  signal: AbortSignal,
): Promise<CopyNote | undefined> {
  const keys = copyKeys(backup, installation);
  if (!(await bucket.head(keys.note, signal))) return undefined;
  const note = CopyNote.safeParse(jsonOf(await readText(await bucket.get(keys.note, signal)))).data;
  if (note?.backup.uid !== backup.metadata.uid || note.dataDigest !== backup.status.checksum) return undefined;
  const archive = await bucket.head(keys.archive, signal);
  return archive?.sizeBytes === note.object.sizeBytes ? note : undefined;
}

async function send(
  { links, age }: CopyDeps,
  { backup, guestUid, runId }: CopyInput,
  bucket: ObjectStorage,
  key: string,
  signal: AbortSignal,
): Promise<{ tar: CopyNote['tar']; sizeBytes: number }> {
  const { archive: command } = BACKUP_COMMANDS;
  const { stream, end } = await links.read(guestUid, { id: runId, command }, signal);
  const tap = tapped(stream);
  const recipients = backup.spec.copyTo?.encryption.recipients ?? [];
  let tar: CopyNote['tar'] | undefined;
  const plan = {
    partBytes: partBytes(backup.status),
    // Before that nothing is in the bucket that could be taken for a copy.
    confirm: async () => {
      tar = sameAs(tap.seen(), await end);
    },
  };
  try {
    const sent = await bucket.upload(key, age.encrypt(tap.stream, recipients), plan, signal);
    if (!tar) throw new Error('An upload ends with its confirmation.');
    const found = await bucket.head(key, signal);
    if (found?.sizeBytes === sent.sizeBytes && found.etag === sent.etag) return { tar, sizeBytes: sent.sizeBytes };
    const words = found ? `${found.sizeBytes} bytes with ETag ${found.etag}` : 'nothing';
    throw new CopyFault(
      'CopyUnreadable',
      `${sent.sizeBytes} bytes with ETag ${sent.etag} were sent to ${key}, and ${words} is there.`,
    );
  } catch (error) {
    signal.throwIfAborted();
    if (isStorageFault(error) || error instanceof CopyFault) throw error;
    // The stream failed: how its run stands says more than that it did.
    if (tap.hasFailed()) throw notRead(await end);
    throw error;
  } finally {
    stream.destroy();
  }
}

/** What the guest says that it sent is what came here. */
function sameAs(seen: CopyNote['tar'], run: GuestRun): CopyNote['tar'] {
  if (run.state !== 'exited' || run.code !== 0) throw notRead(run);
  if (run.sizeBytes === seen.sizeBytes && run.sha256 === seen.sha256) return seen;
  const words = `The guest sent ${run.sizeBytes} bytes with digest ${run.sha256}, and ${seen.sizeBytes} bytes with digest ${seen.sha256} came.`;
  throw new CopyFault('CopyUnreadable', words);
}

function notRead(run: GuestRun): CopyFault {
  const what = 'The guest with the restored files could not be read';
  switch (run.state) {
    case 'exited':
      return new CopyFault('CopyFailed', `${what}; its archiver ended with code ${run.code}: ${run.tail.slice(-600)}`);
    case 'running':
      return new CopyFault('CopyFailed', `${what}: an earlier try is still being stopped.`);
    case 'unknown':
      return new CopyFault('SupervisorOutdated', `${what}: ${run.message}`);
    case 'unreachable':
      return new CopyFault('SupervisorUnreachable', `${what}: ${run.message}.`);
    default:
      return run satisfies never;
  }
}

/** Reads the whole copy as a restore would, with a few pieces of it in memory at a time. */
async function readCopy(
  age: AgeStreams,
  bucket: ObjectStorage,
  { key, sizeBytes, sha256 }: CopyNote['tar'] & { key: string },
  signal: AbortSignal,
): Promise<void> {
  const tap = tapped(age.decrypt(await bucket.get(key, signal)));
  try {
    for await (const _ of tap.stream) signal.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    if (isStorageFault(error) || !(error instanceof Fault)) throw error;
    throw new CopyFault('CopyUnreadable', `${key} was read back and is not what was sent: ${error.message}`);
  }
  const seen = tap.seen();
  if (seen.sizeBytes === sizeBytes && seen.sha256 === sha256) return;
  const words = `${seen.sizeBytes} bytes with digest ${seen.sha256} instead of ${sizeBytes} bytes with digest ${sha256}`;
  throw new CopyFault('CopyUnreadable', `${key} was read back and holds ${words}.`);
}

async function readText(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > 65_536) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
