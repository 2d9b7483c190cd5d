import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EngineError } from '../engine/engine.ts';
import { formatAddress, formatNetwork, networksOverlap, parseNetwork, sizeOf, type Ipv4Network } from './ipv4.ts';
import { runCommand } from './run-command.ts';

/** The network that the guests of one engine share with this machine. */
export interface GuestBridge {
  name: string;
  subnet: Ipv4Network;
  /** This machine's address on the bridge, the gateway of the guests. */
  gateway: string;
  /** First and last address that `ip=dhcp` never gives away. */
  staticAddresses: { from: string; to: string };
}

/** Which bridge to make. */
export interface BridgeOptions {
  name: string;
  stateDir: string;
  /** `10.1.2.0/24`; absent: the one used before, else a free one. */
  subnet?: string | undefined;
}

const SavedNetwork = z.object({ subnet: z.string() });
const Routes = z.array(z.object({ dst: z.string(), dev: z.string().optional() }));

/** Makes the bridge, or takes over the one left by an earlier run, with the first address of its subnet. */
export async function ensureBridge({ name, stateDir, subnet }: BridgeOptions): Promise<GuestBridge> {
  const file = join(stateDir, 'network.json');
  const chosen = subnet ?? (await readSaved(file));
  const network = chosen === undefined ? await chooseSubnet(name) : await checkSubnet(chosen, name);
  const gateway = formatAddress(network.base + 1);

  // Both may be there from a run that was killed; what counts is the state afterwards, which `up` proves.
  const added = await runCommand('ip', ['link', 'add', name, 'type', 'bridge']);
  await runCommand('ip', ['address', 'add', `${gateway}/${network.prefix}`, 'dev', name]);
  const up = await runCommand('ip', ['link', 'set', name, 'up']);
  if (up.code !== 0) {
    const why = `${added.stderr} ${up.stderr}`.replaceAll(/\s+/g, ' ').trim();
    throw new EngineError(`cannot make the bridge ${name} for the guests: ${why}`);
  }

  await writeFile(file, `${JSON.stringify({ subnet: formatNetwork(network) })}\n`);
  const half = network.base + sizeOf(network) / 2;
  const staticAddresses = { from: formatAddress(network.base + 2), to: formatAddress(half - 1) };
  return { name, subnet: network, gateway, staticAddresses };
}

/** Removes the bridge; none to remove is fine. */
export async function removeBridge(name: string): Promise<void> {
  await runCommand('ip', ['link', 'delete', name, 'type', 'bridge']);
}

async function readSaved(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : SavedNetwork.parse(JSON.parse(text)).subnet;
}

async function checkSubnet(text: string, bridge: string): Promise<Ipv4Network> {
  const network = parseNetwork(text);
  if (!network || sizeOf(network) < 8) {
    throw new EngineError(`'${text}' is no subnet for guests: give one like 10.20.30.0/24, /29 or larger`);
  }
  const taken = (await networksInUse(bridge)).find((other) => networksOverlap(network, other));
  if (!taken) return network;
  throw new EngineError(
    `the subnet ${text} of the guests overlaps with ${formatNetwork(taken)}, which this machine uses; choose another`,
  );
}

/** Starts at a place that depends on the bridge's name, so that two sandboxes starting at once do not choose the same. */
async function chooseSubnet(bridge: string): Promise<Ipv4Network> {
  const inUse = await networksInUse(bridge);
  const start = [...bridge].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) % 65_536, 7);
  for (let step = 0; step < 65_536; step++) {
    const candidate: Ipv4Network = { base: 10 * 2 ** 24 + ((start + step * 257) % 65_536) * 256, prefix: 24 };
    if (!inUse.some((other) => networksOverlap(candidate, other))) return candidate;
  }
  throw new EngineError('no subnet in 10.0.0.0/8 is free for the guests; give one');
}

async function networksInUse(bridge: string): Promise<Ipv4Network[]> {
  const { code, stdout, stderr } = await runCommand('ip', ['-json', '-4', 'route', 'show', 'table', 'all']);
  if (code !== 0) throw new EngineError(`cannot read this machine's routes: ${stderr.trim()}`);
  const routes = Routes.parse(JSON.parse(stdout || '[]'));
  return routes.filter(({ dev }) => dev !== bridge).flatMap(({ dst }) => parseNetwork(dst) ?? []);
}
