import { Guest } from '../../crds/guest.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { BACKUP_COMMANDS, readDigest } from '../shared/backup-commands.ts';
import { troubleOf } from '../shared/trouble.ts';
import type { StepContext } from './context.ts';
import { fail } from './failure.ts';
import { failedWords, runOnce } from './run-command.ts';
import { makeTrial, untilHeld } from './trial-guest.ts';

const HELD_CHECK_MS = 10_000;
const ASK_AGAIN_MS = 1_000;

/** Restores the backup beside what it is of and reads it in full; where asked for, has the copy answer a query. */
export async function readBack(context: StepContext): Promise<Outcome> {
  const trial = await makeTrial(context);
  if ('outcome' in trial) return trial.outcome;
  if ('unreadable' in trial) return fail(context.pass, 'ReadBackFailed', trial.unreadable.message);
  return trial.guest.spec.hold ? readHeld(context, trial.guest) : query(context, trial.guest);
}

/** Nothing of the engine runs yet: what is read is what was restored. */
async function readHeld(context: StepContext, guest: Guest): Promise<Outcome> {
  const { pass, resources } = context;
  const { name, uid } = guest.metadata;
  const held = untilHeld(guest);
  if (held) return held;
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
  if (read.files === 0) {
    // No engine is without files. A Volume may be, and its disk was restored, so that the archive did have it.
    if (pass.resource.spec.source.kind === 'Database')
      return fail(pass, 'ArchiveEmpty', 'There is no file in what was restored from the archive.');
    pass.event('Warning', 'ArchiveEmpty', 'The backup holds no file: the Volume was empty when it was taken.');
  }
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
