import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { StepContext } from './context.ts';
import { copyTrouble } from '../shared/copy-failure.ts';
import { ABANDON_COPY, bucketOf, copyKeys } from '../shared/copy-place.ts';
import type { CopyWork } from './copy-work.ts';

const HELD_CHECK_MS = 30_000;

/**
 * Removes the copy of a backup, and what half a copy left. Undefined once nothing of it is in the bucket, or it was given up by
 * annotation. A bucket that cannot be asked holds it.
 */
export async function removeCopy(
  { pass, readSecret, openBucket, installation }: Omit<StepContext, 'connection'>,
  work: CopyWork,
): Promise<Outcome | undefined> {
  const { metadata, spec } = pass.resource;
  if (!work.stop(metadata.uid)) return waiting('Deleting', 'The copying under way is being stopped.', 1_000);
  if (!spec.copyTo || (!pass.status.copy && !pass.status.copying)) return undefined;
  const { bucket: named, endpoint } = spec.copyTo.s3;
  if (metadata.annotations?.[ABANDON_COPY] === 'true') {
    pass.event('Warning', 'CopyAbandoned', `What is in bucket ${named} at ${endpoint} stays there, as asked.`);
    return undefined;
  }
  const advice = `Until then the Backup stays; to leave the copy where it is, annotate it with ${ABANDON_COPY}=true.`;
  const reading = bucketOf(pass.resource, readSecret);
  if (!reading.ok) return waiting(reading.reason, `${reading.message} ${advice}`, HELD_CHECK_MS);
  const keys = copyKeys(pass.resource, installation);
  const bucket = openBucket(reading.access);
  try {
    await bucket.abortUploads(keys.archive, pass.signal);
    await bucket.remove(keys.archive, pass.signal);
    await bucket.remove(keys.note, pass.signal);
  } catch (error) {
    pass.signal.throwIfAborted();
    const { reason, message } = copyTrouble(error);
    if (reason === 'InternalError') throw error;
    return waiting(reason, `${message} ${advice}`, HELD_CHECK_MS);
  } finally {
    await bucket.close();
  }
  const { copy: _, copying: __, ...rest } = pass.status;
  pass.status = rest;
  return undefined;
}
