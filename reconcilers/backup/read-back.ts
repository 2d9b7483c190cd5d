import { findCondition } from '../../crds/condition.ts';
import { Build } from '../../crds/build.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { BACKUP_COMMANDS, SUPERVISOR_PATH, readDigest } from '../shared/backup-commands.ts';
import { troubleOf } from '../shared/trouble.ts';
import type { StepContext } from './context.ts';
import { fail } from './failure.ts';
import { failedWords, runOnce } from './run-command.ts';
import { trialGuest, trialNames, trialVolume, type TrialModel } from './trial.ts';

/** What is waited for wakes this loop. */
const HELD_CHECK_MS = 10_000;
const ASK_AGAIN_MS = 1_000;
/** With these the archive cannot be restored, now or later. */
const unreadable: ReadonlySet<string> = new Set(['BackupUnreadable', 'BackupNotFound']);

/** Restores the backup beside what it is of and reads it in full; where asked for, has the copy answer a query. */
export async function readBack(context: StepContext): Promise<Outcome> {
  const { pass, resources } = context;
  const { namespace } = pass.resource.metadata;
  const { status } = pass;
  if (!status.trial) {
    pass.status = { ...status, trial: trialNames(pass.resource), trialStartedAt: pass.now.toISOString() };
    await pass.checkpoint();
  }
  const { trial } = pass.status;
  if (!trial) return waiting('ReadingBack', 'The backup is about to be restored for a trial.', 0);
  const backup = { ...pass.resource, status: pass.status };
  const volume = resources.read.get(Volume, { namespace, name: trial.volume });
  if (!volume) {
    await resources.write.create(Volume, trialVolume(backup));
    return waiting('ReadingBack', 'The backup is restored into a volume of its own.', HELD_CHECK_MS);
  }
  if (volume.metadata.deletionTimestamp !== undefined)
    return waiting('ReadingBack', 'A volume of an earlier trial is being removed.', HELD_CHECK_MS);
  const inVolume = troubleOf(volume);
  if (inVolume && unreadable.has(inVolume.reason)) return fail(pass, 'ReadBackFailed', inVolume.message);
  if (volume.status.volid === undefined)
    return waiting(
      'ReadingBack',
      inVolume?.message ?? 'The backup is restored into a volume of its own.',
      HELD_CHECK_MS,
    );

  const guest = resources.read.get(Guest, { namespace, name: trial.guest });
  if (!guest) return makeGuest(context);
  if (guest.metadata.deletionTimestamp !== undefined)
    return waiting('ReadingBack', 'A guest of an earlier trial is being removed.', HELD_CHECK_MS);
  if (guest.spec.hold) return readHeld(context, guest);
  return query(context, guest);
}

async function makeGuest(context: StepContext): Promise<Outcome> {
  const { pass, resources } = context;
  const model = modelFor(context);
  if (!model) {
    const message = 'There is no guest from whose image one could be made to read the backup back with.';
    return waiting('ArtifactMissing', message, HELD_CHECK_MS);
  }
  const backup = { ...pass.resource, status: pass.status };
  await resources.write.create(Guest, trialGuest(backup, model, pass.status.credentialsSecretRef?.name));
  return waiting('ReadingBack', 'A guest is made to read the backup back with.', HELD_CHECK_MS);
}

/** The guest that was backed up, or the one in its place. For a volume any image will do: nothing but the supervisor runs. */
function modelFor({ pass, resources: { read } }: StepContext): TrialModel | undefined {
  const { namespace } = pass.resource.metadata;
  const { kind, name } = pass.resource.spec.source;
  const guests = read.list(Guest, namespace);
  const same = guests.find(({ metadata }) => metadata.uid === pass.status.guestUid);
  if (same) return same.spec;
  const database = kind === 'Database' ? read.get(Database, { namespace, name }) : undefined;
  if (database) return read.ownedBy(Guest, database.metadata.uid)[0]?.spec;
  if (kind === 'Database') return undefined;
  const any = guests[0] ?? read.list(Guest).find(({ status }) => status.cluster === pass.status.cluster);
  const built = [...read.list(Build, namespace), ...read.list(Build)].find(
    ({ status }) => status.artifact !== undefined,
  );
  const artifact = built?.status.artifact;
  const process = { command: [SUPERVISOR_PATH] };
  return any?.spec ?? (artifact && { artifact, process, env: [], ports: [], commands: [] });
}

/** Nothing of the engine runs yet: what is read is what was restored. */
async function readHeld(context: StepContext, guest: Guest): Promise<Outcome> {
  const { pass, resources } = context;
  const { name, uid } = guest.metadata;
  const ready = findCondition(guest.status.conditions, 'Ready');
  if (ready?.reason === 'SupervisorOutdated') return waiting('SupervisorOutdated', ready.message, HELD_CHECK_MS);
  if (ready?.status !== 'True' || ready.reason !== 'Held') {
    const words = troubleOf(guest)?.message ?? 'The guest with the restored volume is being made and started.';
    return waiting('ReadingBack', words, HELD_CHECK_MS);
  }
  const failure = (await readDump(context, guest)) ?? (await readData(context, { name, uid }));
  if (failure) return failure;
  if (!pass.resource.spec.verify) return waiting('ReadingBack', 'The backup was read back.', 0);
  if (pass.resource.spec.source.kind === 'Volume') return proven(context);
  // Once the engine runs the files are not those of the backup any more.
  await pass.checkpoint();
  await resources.write.update(Guest, { ...guest, spec: { ...guest.spec, hold: false } });
  return waiting('ReadingBack', 'The engine is started on the restored data.', ASK_AGAIN_MS);
}

/** What the engine wrote out is in the backup, byte by byte. */
async function readDump(context: StepContext, { metadata }: Guest): Promise<Outcome | undefined> {
  const { pass } = context;
  const { dump } = pass.status;
  if (!dump) return undefined;
  const { readDump: command } = BACKUP_COMMANDS;
  const step = await runOnce(context, metadata, command, { reason: 'ReadingBack', what: 'The dump is read back' });
  if ('outcome' in step) return step.outcome;
  if (step.run.code !== 0) return fail(pass, 'ReadBackFailed', failedWords(metadata.name, command, step.run));
  if (step.run.sha256 === dump.checksum) return undefined;
  const words = `The dump was ${dump.sizeBytes} bytes with digest ${dump.checksum}, and is ${step.run.sizeBytes} bytes with digest ${step.run.sha256} in the archive.`;
  return fail(pass, 'DigestMismatch', words);
}

async function readData(context: StepContext, guest: { name: string; uid: string }): Promise<Outcome | undefined> {
  const { pass } = context;
  const { digest: command } = BACKUP_COMMANDS;
  const step = await runOnce(context, guest, command, { reason: 'ReadingBack', what: 'The restored data are read' });
  if ('outcome' in step) return step.outcome;
  const read = step.run.code === 0 ? readDigest(step.run.tail) : undefined;
  if (!read) return fail(pass, 'ReadBackFailed', failedWords(guest.name, command, step.run));
  if (read.files === 0) return fail(pass, 'ArchiveEmpty', 'There is no file in what was restored from the archive.');
  const { checksum, volid } = pass.status;
  if (checksum !== undefined && checksum !== read.sha256)
    return fail(
      pass,
      'DigestMismatch',
      `The archive ${volid} is not what it was: ${read.sha256} instead of ${checksum}.`,
    );
  pass.status = { ...pass.status, checksum: read.sha256 };
  return undefined;
}

/** A real query over the wire, with the login that the backup keeps. */
async function query(context: StepContext, guest: Guest): Promise<Outcome> {
  const { pass, engines, database, readSecret } = context;
  const { namespace = '' } = pass.resource.metadata;
  const { engine, credentialsSecretRef } = pass.status;
  const facts = Object.entries(engines).find(([name]) => name === engine)?.[1];
  const reading = readSecret(namespace, credentialsSecretRef?.name ?? '');
  if (!facts || !reading.ok)
    return fail(pass, 'ReadBackFailed', reading.ok ? `The engine "${engine}" is not known.` : reading.message);
  const trouble = troubleOf(guest);
  if (trouble?.reason === 'CrashLoop')
    return fail(pass, 'ReadBackFailed', `${facts.title} does not start on the restored data: ${trouble.message}`);
  const [host] = guest.status.addresses;
  if (guest.status.power !== 'running' || host === undefined)
    return waiting('ReadingBack', trouble?.message ?? `${facts.title} is being started.`, ASK_AGAIN_MS);
  const { username = '', password = '', database: name = '' } = reading.values;
  const target = { protocol: facts.protocol, host, port: facts.ports[0].port, username, password, database: name };
  const answer = await database.ask(target, pass.signal);
  if (answer.ok) return (await loadDump(context, guest)) ?? proven(context);
  const words = `${facts.title} does not answer a query on the restored data: ${answer.why}`;
  return answer.denied ? fail(pass, 'ReadBackFailed', words) : waiting('ReadingBack', words, pauseMs(pass));
}

/** A dump that cannot be taken in again is worth nothing. */
async function loadDump(context: StepContext, { metadata }: Guest): Promise<Outcome | undefined> {
  if (!context.pass.status.dump) return undefined;
  const { load: command } = BACKUP_COMMANDS;
  const step = await runOnce(context, metadata, command, {
    reason: 'ReadingBack',
    what: 'The engine takes in the dump',
  });
  if ('outcome' in step) return step.outcome;
  return step.run.code === 0
    ? undefined
    : fail(context.pass, 'ReadBackFailed', failedWords(metadata.name, command, step.run));
}

/** An engine comes up within seconds, or takes its time. */
function pauseMs({ now, status }: StepContext['pass']): number {
  const ageMs = now.getTime() - Date.parse(status.trialStartedAt ?? now.toISOString());
  return Math.min(HELD_CHECK_MS, Math.max(ASK_AGAIN_MS, ageMs / 20));
}

function proven({ pass }: StepContext): Outcome {
  const { trialStartedAt, restoreTime } = pass.status;
  const beganMs = Date.parse(trialStartedAt ?? pass.now.toISOString());
  const seconds = Math.max(1, Math.ceil((pass.now.getTime() - beganMs) / 1_000));
  pass.status = { ...pass.status, verified: true, restoreTime: restoreTime ?? `${seconds}s` };
  return waiting('ReadingBack', 'The restored copy answered a query.', 0);
}
