import { z } from 'zod';
import { API_VERSION, GROUP } from '../../../crds/meta.ts';
import { until, type DevEnvironment } from '../dev-environment.ts';
import { PROJECT, askController } from './database-fixture.ts';
import type { RowWriter } from './row-writer.ts';

const Seen = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({}),
  status: z.looseObject({
    phase: z.string().optional(),
    failure: z.string().optional(),
    vmid: z.int().optional(),
    guest: z.string().optional(),
    verified: z.boolean().optional(),
    sizeBytes: z.int().optional(),
    checksum: z.string().optional(),
    dump: z.object({ sizeBytes: z.int() }).optional(),
    duration: z.string().optional(),
    restoreTime: z.string().optional(),
    previousVolume: z.string().optional(),
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string(), message: z.string() })).default([]),
  }),
});
export type Seen = z.output<typeof Seen>;
const Task = z.string();
const Status = z.object({ status: z.string() });
const Config = z.record(z.string(), z.unknown());

interface Named {
  kind: 'Database' | 'Volume';
  name: string;
}

/** An object of the project as the API has it. Cheaper than a command, where time is measured. */
export async function objectOf(dev: DevEnvironment, kind: string, name: string): Promise<Seen> {
  const path = `/apis/${GROUP}/v1alpha1/namespaces/${PROJECT}/${kind.toLowerCase()}s/${name}`;
  return Seen.parse(JSON.parse(await askController(dev, path)));
}

/** Whether a condition of an object is True. */
export function isTrue({ status }: Seen, type: string): boolean {
  return status.conditions.some((condition) => condition.type === type && condition.status === 'True');
}

/** Asks for a backup; answers once it is asked for. */
export function applyBackup(dev: DevEnvironment, name: string, source: Named, options = ''): void {
  apply(dev, 'Backup', name, `{ source: { kind: ${source.kind}, name: ${source.name} }${options && `, ${options}`} }`);
}

/** Asks for a restore; answers once it is asked for. */
export function applyRestore(dev: DevEnvironment, name: string, backup: string, target: Named): void {
  apply(dev, 'Restore', name, `{ backup: ${backup}, target: { kind: ${target.kind}, name: ${target.name} } }`);
}

/** Waits for the end of a Backup or Restore, and throws with its own words when that is not Completed. */
export async function completed(dev: DevEnvironment, kind: 'Backup' | 'Restore', name: string): Promise<Seen> {
  let last: Seen | undefined;
  await until(
    `${kind} ${name} is done`,
    async () => {
      last = await objectOf(dev, kind, name);
      return last.status.phase === 'Completed' || last.status.phase === 'Failed';
    },
    120_000,
  ).catch((error: unknown) => {
    throw new Error(`${kind} ${name} does not come to an end: ${JSON.stringify(last?.status)}`, { cause: error });
  });
  if (last?.status.phase !== 'Completed') throw new Error(`${kind} ${name} failed: ${JSON.stringify(last?.status)}`);
  return last;
}

/** Waits until a database answers. */
export async function databaseReady(dev: DevEnvironment, name: string): Promise<Seen> {
  let last: Seen | undefined;
  await until(`${name} is ready`, async () => isTrue((last = await objectOf(dev, 'Database', name)), 'Ready'), 120_000);
  if (!last) throw new Error(`The Database ${name} was not seen.`);
  return last;
}

/** What `pct destroy --force --purge` does: the guest goes with every volume of its config, and nobody tells Containr. */
export async function destroyGuest(dev: DevEnvironment, vmid: number): Promise<void> {
  const config = await dev.proxmox(Config, 'GET', `/nodes/pve1/lxc/${vmid}/config`);
  await dev.proxmox(Task, 'DELETE', `/nodes/pve1/lxc/${vmid}?force=1&purge=1`);
  await until(`guest ${vmid} is destroyed`, () =>
    dev.proxmox(Status, 'GET', `/nodes/pve1/lxc/${vmid}/status/current`).then(
      () => false,
      () => true,
    ),
  );
  if (!('mp0' in config) && !('mp1' in config)) throw new Error(`Guest ${vmid} had no volume to lose.`);
}

function apply(dev: DevEnvironment, kind: string, name: string, spec: string): void {
  const text = `apiVersion: ${API_VERSION}
kind: ${kind}
metadata: { name: ${name}, namespace: ${PROJECT} }
spec: ${spec}
`;
  dev.must('apply', '-f', dev.write(`${kind.toLowerCase()}-${name}.yaml`, text));
}

/** Waits until so many rows are acknowledged that a loss would show. */
export async function until200Rows({ acknowledged }: RowWriter): Promise<void> {
  await until('some rows are acknowledged', () => acknowledged.length >= 200);
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)}s`;
}
