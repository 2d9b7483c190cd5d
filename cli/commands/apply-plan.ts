import { isDeepStrictEqual } from 'node:util';
import { checkManifests, type CheckedEntry } from '../check-manifests.ts';
import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import type { ObjectForecast } from '../forecast/forecast.ts';
import { forecastLines } from '../forecast/render-forecast.ts';
import { makePlan } from '../make-plan.ts';
import { readPlan, type Base, type Plan } from '../plan-file.ts';
import type { Say } from '../text.ts';
import { applyEntries } from './apply.ts';

export interface ApplyPlanFlags {
  wait?: boolean;
  timeout: number;
  dryRun?: 'server' | 'client';
}

/**
 * Carries out a plan, with the options that it was made with. Conflict, and nothing changed, when an object that it was made
 * from is another than then, or when it would do something else on Proxmox than it said.
 */
export async function applyPlan(
  connect: () => ApiClient,
  file: string,
  { wait, timeout, dryRun }: ApplyPlanFlags,
  say: Say,
): Promise<'same' | 'changed'> {
  const plan = readPlan(file);
  const client = connect();
  if (client.url !== plan.server) throw stale(`${file} was made with ${plan.server}, and this is ${client.url}.`, []);
  const entries = entriesOf(plan, file);
  const now = await makePlan(client, entries, plan.options);
  refuseStale(file, plan, now);
  if (!isDeepStrictEqual(lasting(plan.forecast), lasting(now.forecast)))
    throw stale(`${file} would do something else now than it said. Now:`, forecastLines(now.forecast));
  const { inventory, ...options } = plan.options;
  const flags = {
    ...options,
    filename: [],
    timeout,
    ...(inventory !== undefined && { inventory }),
    ...(wait && { wait }),
    ...(dryRun && { dryRun }),
  };
  return applyEntries(connect, entries, flags, say);
}

function entriesOf({ manifests }: Plan, file: string): CheckedEntry[] {
  const read = manifests.map((object, index) => ({
    object,
    place: `${file}, object ${index + 1}`,
    lineOf: () => undefined,
  }));
  return checkManifests(read, undefined);
}

function refuseStale(file: string, plan: Plan, now: Plan): void {
  const lines = [...differencesIn(plan.base, now.base), ...differencesIn(plan.pruned, now.pruned)];
  if (lines.length > 0) throw stale(`${file} is out of date: what it was made from has changed.`, lines);
}

function differencesIn(planned: readonly Base[], now: readonly Base[]): string[] {
  const current = new Map(now.map((base) => [nameOf(base), base]));
  const lost = planned.flatMap((base) => {
    const name = nameOf(base);
    const found = current.get(name);
    current.delete(name);
    if (base.uid === undefined)
      return found?.uid === undefined ? [] : [`${name} exists now, and did not when it was planned.`];
    if (found?.uid === undefined) return [`${name} is gone.`];
    if (found.uid !== base.uid) return [`${name} is another object of the same name.`];
    return found.stated === base.stated ? [] : [`${name} was changed.`];
  });
  return [...lost, ...[...current.keys()].map((name) => `${name} would be deleted too now.`)];
}

/** Where a guest probably goes may change at any moment and was never promised. */
function lasting(forecast: readonly ObjectForecast[]): unknown {
  return forecast.map(({ sign, name, project, actions, downtime }) => ({
    sign,
    name,
    project,
    downtime,
    actions: actions.map((action) => ({ ...action, text: action.text.replace(/, likely on [^,]+/, '') })),
  }));
}

function nameOf({ kind, namespace, name }: Base): string {
  return `${kind.toLowerCase()}/${name}${namespace === undefined ? '' : ` in ${namespace}`}`;
}

function stale(message: string, details: readonly string[]): CliError {
  return new CliError('conflict', message, [
    ...details,
    'Nothing was changed. Plan again: containr plan -f ... -o FILE',
  ]);
}
