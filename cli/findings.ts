import { reasons } from '../crds/reasons.ts';
import { conditionOf, shownName, type ApiCondition, type ApiObject } from './objects.ts';
import { ageText, plainLine } from './text.ts';

/** One thing that was looked at: how it is, and what to do about it. */
export interface Finding {
  isFine: boolean;
  text: string;
  advice?: string;
}

const FULL_PERCENT = 90;
const MOST_SKEW_MS = 5_000;
const ENDING_MS = 3 * 24 * 3_600_000;
const LONG_DELETING_MS = 3_600_000;

/** Whether command and server belong together: they do when only the last number differs. */
export function versionFinding(own: string, server: string): Finding {
  const line = (version: string): string => version.replace(/^v/, '').split('.').slice(0, 2).join('.');
  if (line(own) === line(server)) return { isFine: true, text: `The server answers, version ${plainLine(server)}.` };
  return {
    isFine: false,
    text: `The server is of version ${plainLine(server)}, this command of ${own}.`,
    advice: 'Bring the older one to the version of the other.',
  };
}

/** Whether this machine and the server agree on the time; `ahead` is by how much this one is, in milliseconds. */
export function clockFinding(ahead: number | undefined): Finding {
  if (ahead === undefined) return { isFine: true, text: 'The server does not tell its time.' };
  if (Math.abs(ahead) <= MOST_SKEW_MS)
    return { isFine: true, text: 'The clocks of this machine and the server agree.' };
  const seconds = Math.round(Math.abs(ahead) / 1_000);
  return {
    isFine: false,
    text: `The clock of this machine is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} the server's.`,
    advice: 'Set both by NTP, as with "timedatectl set-ntp true". Tokens and certificates are checked by the time.',
  };
}

/** Whether anything is changed at all; nothing to tell when it is. */
export function observeFinding({ observeOnly }: { observeOnly: { since: string; because: string } | null }): Finding[] {
  if (!observeOnly) return [];
  const { since, because } = observeOnly;
  const advice = 'Look at what is newer than the database, and let it go on: containr resume --installation';
  return [{ isFine: false, text: `Observe-only since ${since}: ${plainLine(because)}`, advice }];
}

/** How long the token still holds. */
export function tokenFinding(
  { user, scope, expiresAt }: { user: string; scope: string | undefined; expiresAt: string | undefined },
  now: number,
): Finding {
  const text = `You are ${plainLine(user)}, with a token of the scope ${scope ?? 'unknown'}`;
  if (expiresAt === undefined) return { isFine: true, text: `${text} that does not end.` };
  const isEnding = Date.parse(expiresAt) - now < ENDING_MS;
  const advice = 'Get another with "containr login" or "containr token create" before it ends.';
  return { isFine: !isEnding, text: `${text} that ends at ${expiresAt}.`, ...(isEnding && { advice }) };
}

/** Whether something that all services depend on is ready. */
export function readyFinding(object: ApiObject): Finding {
  const ready = conditionOf(object, 'Ready');
  const name = shownName(object);
  if (ready?.status === 'True') return { isFine: true, text: `${name} is ready.` };
  if (!ready) {
    const advice = 'Is the controller running? See its log.';
    return { isFine: false, text: `${name} was not looked at yet.`, advice };
  }
  return { isFine: false, text: `${name} is not ready: ${plainLine(ready.message)}`, ...adviceOf(ready) };
}

/** What is wrong with an object that only a person can mend; none for one that gets along. */
export function troubleOf(object: ApiObject, now: number): Finding[] {
  const { namespace, deletionTimestamp } = object.metadata;
  const name = namespace === undefined ? shownName(object) : `${shownName(object)} in ${namespace}`;
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status === 'True')
    return [{ isFine: false, text: `${name} is stalled: ${plainLine(stalled.message)}`, ...adviceOf(stalled) }];
  if (deletionTimestamp === undefined || now - Date.parse(deletionTimestamp) < LONG_DELETING_MS) return [];
  const message = plainLine(conditionOf(object, 'Ready')?.message ?? '');
  return [
    {
      isFine: false,
      text: `${name} has been in deletion for ${ageText(deletionTimestamp, now)}${message === '' ? '.' : `: ${message}`}`,
      advice: `See what it waits for: containr describe ${shownName(object)}${namespace === undefined ? '' : ` -n ${namespace}`}`,
    },
  ];
}

interface ClusterNode {
  name?: string;
  online?: boolean;
  storages?: { name?: string; totalBytes?: number; freeBytes?: number }[];
}

/** What is wrong with the nodes and storages of a ProxmoxCluster, as it was last seen. */
export function clusterFindings(cluster: ApiObject): Finding[] {
  const name = shownName(cluster);
  const { status = {} } = cluster;
  const nodes: ClusterNode[] = Array.isArray(status['nodes']) ? status['nodes'] : [];
  const findings: Finding[] = [];
  if (status['quorate'] === false) {
    const advice = 'Bring back enough nodes. Until then Proxmox refuses every change.';
    findings.push({ isFine: false, text: `${name} has no quorum.`, advice });
  }
  for (const node of nodes.filter(({ online }) => online === false))
    findings.push({
      isFine: false,
      text: `Node ${node.name} of ${name} is offline.`,
      advice: 'Start it, or look at its network.',
    });
  // A shared storage is seen by every node, and full once.
  const full = new Map<string, Finding>();
  for (const node of nodes) {
    for (const { name: storage = '', totalBytes = 0, freeBytes = 0 } of node.storages ?? []) {
      const percent = totalBytes === 0 ? 0 : Math.floor(100 * (1 - freeBytes / totalBytes));
      if (percent < FULL_PERCENT) continue;
      full.set(`${storage} ${totalBytes} ${freeBytes}`, {
        isFine: false,
        text: `Storage ${storage} on node ${node.name} of ${name} is ${percent}% full.`,
        advice: 'Remove what is not needed from it, or make it larger: guests cannot be made on a full storage.',
      });
    }
  }
  return [...findings, ...full.values()];
}

function adviceOf({ reason }: ApiCondition): { advice?: string } {
  const known = Object.entries(reasons).find(([name]) => name === reason);
  return known ? { advice: known[1] } : {};
}
