import { Build } from '../../crds/build.ts';
import { findCondition } from '../../crds/condition.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { SUPERVISOR_PATH } from '../shared/backup-commands.ts';
import { troubleOf, type Trouble } from '../shared/trouble.ts';
import type { StepContext } from './context.ts';
import { trialGuest, trialNames, trialVolume, type TrialModel } from './trial.ts';

/** What is waited for wakes this loop. */
const HELD_CHECK_MS = 10_000;
/** With these the archive cannot be restored, now or later. */
const unreadable: ReadonlySet<string> = new Set(['BackupUnreadable', 'BackupNotFound']);

/** The guest with a volume that was restored from the backup; or what to wait for; or why there will be none. */
export type Trial = { guest: Guest } | { outcome: Outcome } | { unreadable: Trouble };

/** Makes volume and guest, one after the other. The guest is there, and may not run yet. */
export async function makeTrial(context: Pick<StepContext, 'pass' | 'resources'>): Promise<Trial> {
  const { pass, resources } = context;
  const { namespace } = pass.resource.metadata;
  const { status } = pass;
  if (!status.trial) {
    pass.status = { ...status, trial: trialNames(pass.resource), trialStartedAt: pass.now.toISOString() };
    await pass.checkpoint();
  }
  const { trial } = pass.status;
  if (!trial) return wait('The backup is about to be restored for a trial.', 0);
  const backup = { ...pass.resource, status: pass.status };
  const volume = resources.read.get(Volume, { namespace, name: trial.volume });
  if (!volume) {
    await resources.write.create(Volume, trialVolume(backup));
    return wait('The backup is restored into a volume of its own.');
  }
  if (volume.metadata.deletionTimestamp !== undefined) return wait('A volume of an earlier trial is being removed.');
  const inVolume = troubleOf(volume);
  if (inVolume && unreadable.has(inVolume.reason)) return { unreadable: inVolume };
  if (volume.status.volid === undefined)
    return wait(inVolume?.message ?? 'The backup is restored into a volume of its own.');

  const guest = resources.read.get(Guest, { namespace, name: trial.guest });
  if (guest?.metadata.deletionTimestamp !== undefined) return wait('A guest of an earlier trial is being removed.');
  return guest ? { guest } : makeGuest(context);
}

/** What keeps a guest from being asked while nothing of its engine runs; undefined when it can be. Pure. */
export function untilHeld(guest: Guest): Outcome | undefined {
  const ready = findCondition(guest.status.conditions, 'Ready');
  if (ready?.reason === 'SupervisorOutdated') return waiting('SupervisorOutdated', ready.message, HELD_CHECK_MS);
  if (ready?.status === 'True' && ready.reason === 'Held') return undefined;
  const words = troubleOf(guest)?.message ?? 'The guest with the restored volume is being made and started.';
  return waiting('ReadingBack', words, HELD_CHECK_MS);
}

async function makeGuest(context: Pick<StepContext, 'pass' | 'resources'>): Promise<Trial> {
  const { pass, resources } = context;
  const model = modelFor(context);
  if (!model) {
    const message = 'There is no guest from whose image one could be made to read the backup back with.';
    return { outcome: waiting('ArtifactMissing', message, HELD_CHECK_MS) };
  }
  const backup = { ...pass.resource, status: pass.status };
  await resources.write.create(Guest, trialGuest(backup, model, pass.status.credentialsSecretRef?.name));
  return wait('A guest is made to read the backup back with.');
}

/** The guest that was backed up, or the one in its place. For a volume any image will do: nothing but the supervisor runs. */
function modelFor({ pass, resources: { read } }: Pick<StepContext, 'pass' | 'resources'>): TrialModel | undefined {
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

function wait(message: string, checkAfterMs = HELD_CHECK_MS): { outcome: Outcome } {
  return { outcome: waiting('ReadingBack', message, checkAfterMs) };
}
