import { findCondition } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { BACKUP_COMMANDS, readDigest } from '../shared/backup-commands.ts';
import { troubleOf } from '../shared/trouble.ts';
import { volumeLoginName } from '../shared/volume-login.ts';
import { HELD_CHECK_MS, SOON_MS, fail, type StepContext } from './context.ts';
import { provingGuest, readingGuest } from './parts.ts';

/** Reads all that was restored in a guest of its own, in which nothing else runs yet, and compares it with the backup. */
export async function readRestored(context: StepContext): Promise<Outcome> {
  const { pass, view, resources, links } = context;
  const { restore, backup, volume, guest, model } = view;
  if (!volume) return fail(pass, { reason: 'VolumeMissing', message: 'The restored volume was deleted.' });
  if (!guest) {
    if (!model) return waiting('Proving', 'Waiting for a guest of the target, after which one is made.', HELD_CHECK_MS);
    if (!backup) return fail(pass, { reason: 'BackupNotFound', message: `Backup ${restore.spec.backup} is gone.` });
    const isVolume = restore.spec.target.kind === 'Volume';
    const made = isVolume ? readingGuest(restore, backup, model, volume) : provingGuest(restore, model, volume);
    await resources.write.create(Guest, made);
    return waiting('Proving', 'A guest is made to read what was restored.', HELD_CHECK_MS);
  }
  const ready = findCondition(guest.status.conditions, 'Ready');
  if (ready?.status !== 'True' || ready.reason !== 'Held')
    return waiting(
      'Proving',
      troubleOf(guest)?.message ?? 'The guest with what was restored is being started.',
      HELD_CHECK_MS,
    );
  const expected = backup?.status.checksum;
  if (expected === undefined)
    return fail(pass, { reason: 'BackupNotFound', message: 'The backup is gone, or does not say what its data are.' });
  // A run is that of one start of the guest: one that a restart cut off is begun anew with the next.
  const id = `${restore.metadata.uid}-${Date.parse(guest.status.startedAt ?? '') || 0}`;
  const run = await links.run(guest.metadata.uid, { id, command: BACKUP_COMMANDS.digest }, pass.signal);
  switch (run.state) {
    case 'running':
      return waiting('Proving', 'All that was restored is being read.', SOON_MS);
    case 'unknown':
    case 'unreachable':
      return waiting('Proving', `The guest that reads what was restored cannot be asked: ${run.message}`, SOON_MS);
    case 'exited':
      break;
    default:
      return run satisfies never;
  }
  const digest = run.code === 0 ? readDigest(run.tail) : undefined;
  if (!digest) {
    const message = `What was restored could not be read; the reader ended with code ${run.code}: ${run.tail.slice(-600)}`;
    return fail(pass, { reason: 'ReadBackFailed', message });
  }
  if (digest.sha256 !== expected) {
    const message = `What was restored is not what was backed up: its digest is ${digest.sha256} instead of ${expected}. Restore another backup.`;
    return fail(pass, { reason: 'DigestMismatch', message });
  }
  pass.status = { ...pass.status, readAt: pass.now.toISOString() };
  return waiting('Proving', `All ${digest.files} files were read and are what was backed up.`, 0);
}

/** Lets the engine run on what was restored, and asks it a real query with the login of the backup. */
export async function queryRestored(context: StepContext): Promise<Outcome> {
  const { pass, view, resources, engines, readSecret } = context;
  const { guest, database, volume } = view;
  if (!database) return fail(pass, { reason: 'Rejected', message: 'The database was deleted before it was restored.' });
  if (!guest || !volume)
    return fail(pass, { reason: 'GuestMissing', message: 'The guest that proves the data was deleted.' });
  const { title, protocol, ports } = engines[database.spec.engine];
  if (guest.spec.hold) {
    await resources.write.update(Guest, { ...guest, spec: { ...guest.spec, hold: false } });
    return waiting('Proving', `${title} is started on what was restored.`, SOON_MS);
  }
  const trouble = troubleOf(guest);
  if (trouble?.reason === 'CrashLoop')
    return fail(pass, {
      reason: 'CrashLoop',
      message: `${title} does not start on what was restored: ${trouble.message}`,
    });
  const [host] = guest.status.addresses;
  if (guest.status.power !== 'running' || host === undefined)
    return waiting('Proving', trouble?.message ?? `${title} is being started on what was restored.`, SOON_MS);
  const reading = readSecret(guest.metadata.namespace ?? '', volumeLoginName(volume.metadata.name));
  if (!reading.ok) return fail(pass, { reason: reading.reason, message: reading.message });
  const { username = '', password = '', database: name = '' } = reading.values;
  const answer = await context.database.ask(
    { protocol, host, port: ports[0].port, username, password, database: name },
    pass.signal,
  );
  if (answer.ok) {
    pass.status = { ...pass.status, answeredAt: pass.now.toISOString() };
    return waiting('Proving', `${title} answers a query on what was restored.`, 0);
  }
  const message = `${title} does not answer a query on what was restored: ${answer.why}`;
  return answer.denied ? fail(pass, { reason: 'LoginDenied', message }) : waiting('Proving', message, SOON_MS);
}
