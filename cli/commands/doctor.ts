import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import {
  clockFinding,
  clusterFindings,
  observeFinding,
  readyFinding,
  tokenFinding,
  troubleOf,
  versionFinding,
  type Finding,
} from '../findings.ts';
import { kindNamed, kindNames, type KindName } from '../kind-names.ts';
import type { ApiObject } from '../objects.ts';
import { ownIdentity } from '../own-identity.ts';
import { ownVersion } from '../own-version.ts';
import type { Say } from '../text.ts';

/** What the services of an installation stand on, and what is missing without one. */
const foundations = [
  { kind: 'ProxmoxCluster', without: 'nothing can run', isNeeded: true },
  { kind: 'Builder', without: 'nothing is built from source', isNeeded: false },
  { kind: 'Proxy', without: 'services have the addresses of their guests', isNeeded: false },
] as const;

/** Looks at all that can be seen through the API and says what is wrong, with what to do. True when nothing is. */
export async function doctor(connect: () => ApiClient, say: Say): Promise<boolean> {
  let allFine = true;
  const tell = ({ isFine, text, advice }: Finding): void => {
    allFine &&= isFine;
    say(`${isFine ? 'ok   ' : 'WRONG'}  ${text}`);
    if (!isFine && advice !== undefined) say(`       ${advice}`);
  };
  const client = connect();
  const server = await serverFindings(client);
  for (const finding of server.findings) tell(finding);
  if (!server.answers) return false;
  for (const foundation of foundations) {
    for (const finding of await foundationFindings(client, foundation)) tell(finding);
  }
  const troubles = await troublesOfAll(client);
  for (const trouble of troubles) tell(trouble);
  if (troubles.length === 0)
    tell({ isFine: true, text: 'Nothing that you may see is stalled, or hangs in its deletion.' });
  return allFine;
}

/** Without an answer, or without being let in, nothing else can be looked at. */
async function serverFindings(client: ApiClient): Promise<{ answers: boolean; findings: Finding[] }> {
  try {
    const { gitVersion = 'unknown', aheadMs } = await client.version();
    const findings = [versionFinding(ownVersion(), gitVersion), clockFinding(aheadMs)];
    const identity = await ownIdentity(client);
    const { observeOnly } = await client.request<Parameters<typeof observeFinding>[0]>('GET', '/api/installation');
    return {
      answers: true,
      findings: [...findings, tokenFinding(identity, Date.now()), ...observeFinding({ observeOnly })],
    };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { answers: false, findings: [{ isFine: false, text: error.message }] };
  }
}

async function foundationFindings(
  client: ApiClient,
  { kind: name, without, isNeeded }: (typeof foundations)[number],
): Promise<Finding[]> {
  const kind = kindNamed(name);
  const items = await readable(client, kind);
  if (!items) return [{ isFine: true, text: `${kind.plural} are shown to administrators only.` }];
  const advice = `Apply one: see "containr explain ${kind.singular}" and the quickstart.`;
  if (items.length === 0) return [{ isFine: !isNeeded, text: `There is no ${name}: ${without}.`, advice }];
  return items.flatMap((item) => [readyFinding(item), ...(name === 'ProxmoxCluster' ? clusterFindings(item) : [])]);
}

/** Over all projects; what a foundation lacks was said already. */
async function troublesOfAll(client: ApiClient): Promise<Finding[]> {
  const told = new Set<string>(['Event', ...foundations.map(({ kind }) => kind)]);
  const kinds = kindNames.filter(({ kind }) => !told.has(kind));
  const lists = await Promise.all(kinds.map((kind) => readable(client, kind)));
  const now = Date.now();
  return lists.flatMap((items) => (items ?? []).flatMap((item) => troubleOf(item, now)));
}

/** Undefined for a kind that the asker may not see. */
async function readable(client: ApiClient, kind: KindName): Promise<ApiObject[] | undefined> {
  try {
    return (await client.list(kind)).items.map((item) => ({ ...item, kind: kind.kind }));
  } catch (error) {
    if (error instanceof CliError && (error.exit === 'forbidden' || error.exit === 'notFound')) return undefined;
    throw error;
  }
}
