import { CORRECT_DRIFT } from '../../crds/meta.ts';
import type { ApiClient } from '../client.ts';
import { acceptedResources, type DriftedField } from '../accept-drift.ts';
import { CliError } from '../exit.ts';
import { kindNamed, targetName, type PlacedTarget } from '../kind-names.ts';
import { conditionOf, shownName, type ApiObject } from '../objects.ts';
import { alignColumns } from '../render-table.ts';
import { ageText, plainLine, type Say } from '../text.ts';
import { waitForAll } from '../wait-for-all.ts';

const SERVICE_LABEL = 'containr.dev/service';

export interface DriftFlags {
  namespace?: string;
  allNamespaces?: boolean;
  json?: boolean;
}

/** Shows what was changed by hand on Proxmox and is not as declared. True when there is any. */
export async function driftList(client: ApiClient, flags: DriftFlags, say: Say): Promise<boolean> {
  if (flags.namespace === undefined && !flags.allNamespaces)
    throw new CliError('usage', 'Guests live in projects. Name one with -n PROJECT, or use -A for all.');
  const { items } = await client.list(kindNamed('Guest'), flags.allNamespaces ? {} : { namespace: flags.namespace });
  const rows = items.flatMap((guest) =>
    driftOf(guest).map((field) => ({
      project: guest.metadata.namespace ?? '',
      object: `guest/${guest.metadata.name}`,
      service: guest.metadata.labels?.[SERVICE_LABEL],
      ...field,
      next: conditionOf(guest, 'DriftFree')?.reason === 'DriftCorrected' ? 'is corrected' : 'stays',
    })),
  );
  if (flags.json) say(JSON.stringify({ drift: rows }, null, 2));
  else if (rows.length === 0) say('Nothing differs from what is declared.');
  else {
    const head = ['PROJECT', 'OBJECT', 'FIELD', 'DECLARED', 'FOUND', 'SINCE', 'NEXT'];
    const cells = rows.map(({ project, object, field, declared, found, since, next }) =>
      [project, object, field, declared, found, ageText(since), next].map(plainLine),
    );
    for (const line of alignColumns([head, ...cells])) say(line);
  }
  return rows.length > 0;
}

/** Has what was changed by hand put back now, also where it is only reported; ends when that was done. */
export async function driftCorrect(
  client: ApiClient,
  target: PlacedTarget,
  timeoutMs: number,
  say: Say,
): Promise<void> {
  const guests = await driftingGuests(client, target);
  if (guests.length === 0) return say(`${targetName(target)} has no drift`);
  const token = new Date().toISOString();
  const kind = kindNamed('Guest');
  const targets = guests.map(({ metadata }) => ({ kind, name: metadata.name, namespace: metadata.namespace }));
  for (const one of targets) await client.patch(one, { metadata: { annotations: { [CORRECT_DRIFT]: token } } });
  await waitForAll(
    client,
    targets,
    { type: 'jsonpath', path: '{.status.driftCorrectedAt}', value: token },
    { timeoutMs, evenIfStalled: true },
    (one) => say(`${targetName(one)} corrected`),
  );
}

/**
 * Writes what was found into the Service, so that it is declared from now on. All of it or nothing: what no field can say is
 * named, with why. The service rolls to a new revision by it.
 */
export async function driftAccept(client: ApiClient, target: PlacedTarget, say: Say): Promise<void> {
  const guests = await driftingGuests(client, target);
  if (guests.length === 0) return say(`${targetName(target)} has no drift`);
  const services = new Set(guests.map(({ metadata }) => metadata.labels?.[SERVICE_LABEL]));
  const [name] = services;
  if (services.size !== 1 || name === undefined)
    throw new CliError(
      'negative',
      `${targetName(target)} is of no service whose fields could say it. Correct it: containr drift correct`,
    );
  const found = new Map<string, string>();
  for (const guest of guests) {
    const accepted = acceptedResources(driftOf(guest));
    if (!accepted.ok)
      throw new CliError('negative', `${shownName(guest)}: ${accepted.message}`, [
        'Nothing was changed. To put back what was declared: containr drift correct',
      ]);
    for (const [field, value] of Object.entries(accepted.resources)) {
      const other = found.get(field);
      if (other !== undefined && other !== value)
        throw new CliError('negative', `Its guests differ from each other in ${field}: ${other} and ${value}.`, [
          'Nothing was changed. All guests of a service have the same resources: name the guest that is right.',
        ]);
      found.set(field, value);
    }
  }
  const service = { kind: kindNamed('Service'), name, namespace: target.namespace };
  await client.patch(service, { spec: { resources: Object.fromEntries(found) } });
  const list = [...found].map(([field, value]) => `${field} ${value}`).join(', ');
  say(`service/${name} configured: ${list}. It rolls to a new revision with it.`);
}

async function driftingGuests(client: ApiClient, target: PlacedTarget): Promise<ApiObject[]> {
  const { kind, namespace, name } = target;
  if (kind.kind === 'Guest') return [await client.get(target)].filter((guest) => driftOf(guest).length > 0);
  if (kind.kind !== 'Service')
    throw new CliError('usage', `Drift is of guests: name a guest or a service, not a ${kind.singular}.`);
  await client.get(target);
  const { items } = await client.list(kindNamed('Guest'), { namespace, labels: `${SERVICE_LABEL}=${name}` });
  return items.map((item) => ({ ...item, kind: 'Guest' })).filter((guest) => driftOf(guest).length > 0);
}

function driftOf({ status }: ApiObject): DriftedField[] {
  const drift: unknown = status?.['drift'];
  return Array.isArray(drift) ? drift : [];
}
