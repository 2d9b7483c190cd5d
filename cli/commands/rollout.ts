import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { kindNamed, targetName, type PlacedTarget } from '../kind-names.ts';
import { conditionOf, type ApiObject } from '../objects.ts';
import { createProgress } from '../progress.ts';
import { alignColumns } from '../render-table.ts';
import { revisionsOf, rollbackManifest, rollbackTarget, type Revision } from '../revisions.ts';
import { ageText, plainLine, type Say } from '../text.ts';
import { waitForAll } from '../wait-for-all.ts';
import { readyGoal } from '../wait-for.ts';

const SERVICE_LABEL = 'containr.dev/service';
/** Somebody else may take the number of a revision in the same moment. */
const TRIES = 5;

/** Waits until the newest revision serves; ends at once with what is wrong when it cannot. */
export async function rolloutStatus(
  client: ApiClient,
  target: PlacedTarget,
  timeoutMs: number,
  say: Say,
): Promise<void> {
  demandService(target);
  await waitForAll(client, [target], readyGoal, { timeoutMs, onChange: createProgress() });
  const { status } = await client.get(target);
  say(`${targetName(target)} serves revision ${String(status?.['revision'] ?? '')}`);
}

/** Shows the revisions that are kept, newest first; the one that serves is marked. */
export async function rolloutHistory(client: ApiClient, target: PlacedTarget, say: Say): Promise<void> {
  const { service, revisions } = await readRevisions(client, target);
  if (revisions.length === 0) throw new CliError('notFound', `${targetName(target)} has no revision yet.`);
  const serving = service.status?.['activeDeployment'];
  const rows = revisions.map(({ name, number, phase, object }) => [
    `${number}${name === serving ? '*' : ''}`,
    phase,
    String(object.status?.['commit'] ?? '').slice(0, 12),
    causeOf(object),
    ageText(object.metadata.creationTimestamp ?? ''),
    plainLine(String(object.status?.['failure'] ?? conditionOf(object, 'Ready')?.message ?? '')),
  ]);
  for (const line of alignColumns([['REV', 'PHASE', 'COMMIT', 'CAUSE', 'AGE', 'MESSAGE'], ...rows])) say(line);
}

/** Brings an earlier revision back as a new one: its image and its configuration together. */
export async function rolloutUndo(
  client: ApiClient,
  target: PlacedTarget,
  { toRevision }: { toRevision?: number | undefined },
  say: Say,
): Promise<void> {
  const kind = kindNamed('Deployment');
  for (let tried = 1; ; tried += 1) {
    const { revisions } = await readRevisions(client, target);
    const earlier = rollbackTarget(revisions, toRevision);
    const manifest = rollbackManifest(revisions, earlier);
    try {
      await client.create(kind, manifest);
      say(
        `${targetName(target)} goes back to revision ${earlier.number}, as revision ${String(manifest.spec?.['revision'])}`,
      );
      say('The spec of the service stays as it is: its next change, or a restart, rolls the spec out again.');
      return;
    } catch (error) {
      if (!(error instanceof CliError && error.exit === 'conflict') || tried === TRIES) throw error;
    }
  }
}

/** Rolls the service again, from the newest commit of its branch. */
export async function rolloutRestart(client: ApiClient, target: PlacedTarget, say: Say): Promise<void> {
  demandService(target);
  await client.patch(target, { spec: { restartedAt: new Date().toISOString() } });
  say(`${targetName(target)} restarts`);
}

/** Holds rollouts of a service where they are, or lets them go on. */
export async function pauseRollouts(client: ApiClient, target: PlacedTarget, paused: boolean, say: Say): Promise<void> {
  demandService(target);
  await client.patch(target, { spec: { rollout: { paused } } });
  say(`${targetName(target)} ${paused ? 'is paused' : 'goes on'}`);
}

/** Asks for so many guests. With `current`, only when that many are asked for now. */
export async function scale(
  client: ApiClient,
  target: PlacedTarget,
  { replicas, current }: { replicas: number; current?: number | undefined },
  say: Say,
): Promise<void> {
  demandService(target);
  const before = await client.get(target);
  const had = Number(before.spec?.['replicas']);
  if (current !== undefined && had !== current) {
    throw new CliError('conflict', `${targetName(target)} has ${had} replicas, not ${current}; nothing was changed.`);
  }
  const { resourceVersion } = before.metadata;
  // The version makes what was just seen a condition of the write.
  const metadata = current === undefined || resourceVersion === undefined ? {} : { metadata: { resourceVersion } };
  await client.patch(target, { ...metadata, spec: { replicas } });
  say(`${targetName(target)} scaled from ${had} to ${replicas}`);
}

async function readRevisions(
  client: ApiClient,
  target: PlacedTarget,
): Promise<{ service: ApiObject; revisions: Revision[] }> {
  demandService(target);
  const { namespace, name } = target;
  const [service, { items }] = await Promise.all([
    client.get(target),
    client.list(kindNamed('Deployment'), { namespace, labels: `${SERVICE_LABEL}=${name}` }),
  ]);
  return { service, revisions: revisionsOf(items) };
}

function demandService({ kind }: PlacedTarget): void {
  if (kind.kind !== 'Service') throw new CliError('usage', `Rollouts are of services, not of ${kind.plural}.`);
}

function causeOf({ spec }: ApiObject): string {
  const rollbackOf = spec?.['rollbackOf'];
  return typeof rollbackOf === 'string' ? `rollback to ${rollbackOf}` : String(spec?.['trigger'] ?? '');
}
