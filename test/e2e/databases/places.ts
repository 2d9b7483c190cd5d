import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import postgres from 'postgres';
import { z } from 'zod';
import { GROUP } from '../../../crds/meta.ts';
import type { DevEnvironment } from '../dev-environment.ts';
import type { Place } from './canaries.ts';
import { askController } from './database-fixture.ts';

/** Looked at by itself, once decoded. */
const CONFIG = /CONTAINR_CONFIG=(?:2\.[^.]+\.)?([A-Za-z0-9+/=_-]+)/g;
const MAX_FILE = 32 * 2 ** 20;
const Guests = z.array(z.object({ vmid: z.coerce.number() }));
const Tasks = z.array(z.object({ upid: z.string() }));
const Tables = z.array(z.object({ schema: z.string(), name: z.string() }));
const Lines = z.array(z.object({ t: z.string() }));
const Databases = z.object({ databases: z.array(z.looseObject({ connection_url: z.string().optional() })) });
/** Every kind that the API serves; CustomResourceDefinition is not one of them. */
const Discovery = z.object({ resources: z.array(z.object({ name: z.string(), verbs: z.array(z.string()) })) });
const restPaths = ['audit-logs', 'builds', 'projects', 'git/providers', 'templates', 'user/profile'];

/** What a command of a person prints, on both streams. */
export function printed(dev: DevEnvironment, ...parameters: string[]): Place {
  const { stdout, stderr } = dev.command(...parameters);
  return place(`containr ${parameters.slice(0, 4).join(' ')}`, `${stdout}${stderr}`);
}

/** Every object, event and view that the API gives out; connection_url is where the contract has credentials. */
export async function apiPlaces(dev: DevEnvironment): Promise<Place[]> {
  const { resources } = Discovery.parse(JSON.parse(await askController(dev, `/apis/${GROUP}/v1alpha1`)));
  const listed = resources.filter(({ name, verbs }) => !name.includes('/') && verbs.includes('list'));
  if (!listed.some(({ name }) => name === 'secrets')) throw new Error('The API does not list its kinds as expected.');
  const places: Place[] = [];
  for (const { name } of listed)
    places.push(place(`the API, ${name}`, await askController(dev, `/apis/${GROUP}/v1alpha1/${name}`)));
  for (const path of restPaths) places.push(place(`REST /${path}`, await askController(dev, `/api/v1/${path}`)));
  const { databases } = Databases.parse(JSON.parse(await askController(dev, '/api/v1/databases')));
  const others = databases.map((database) => ({ ...database, connection_url: undefined }));
  return [
    ...places,
    place('REST /databases', JSON.stringify(others)),
    place('metrics', await askController(dev, '/metrics')),
  ];
}

/** Guest configs and task logs of Proxmox, and what each guest's supervisor is configured with. */
export async function proxmoxPlaces(dev: DevEnvironment): Promise<{ places: Place[]; configs: Place[] }> {
  const places: Place[] = [];
  const configs: Place[] = [];
  for (const { vmid } of await dev.proxmox(Guests, 'GET', '/nodes/pve1/lxc')) {
    const text = JSON.stringify(await dev.proxmox(z.unknown(), 'GET', `/nodes/pve1/lxc/${vmid}/config`));
    places.push(place(`the Proxmox config of ${vmid}`, text.replaceAll(CONFIG, '')));
    for (const [, encoded = ''] of text.matchAll(CONFIG))
      configs.push({ where: `CONTAINR_CONFIG of ${vmid}`, content: Buffer.from(encoded, 'base64') });
  }
  for (const { upid } of await dev.proxmox(Tasks, 'GET', '/nodes/pve1/tasks?limit=500')) {
    const lines = await dev.proxmox(Lines, 'GET', `/nodes/pve1/tasks/${encodeURIComponent(upid)}/log?limit=500`);
    const text = `${upid}\n${lines.map(({ t }) => t).join('\n')}`;
    places.push(place(`the task ${upid}`, text));
  }
  return { places, configs };
}

/** Every row of every table of the control plane, as text. */
export async function storePlaces(dev: DevEnvironment): Promise<Place[]> {
  const folder = join(dev.dataDir, 'controller', 'postgres');
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  const login = { username: 'containr', database: 'containr', password, max: 1 };
  const sql = postgres({ ...login, path: join(folder, 'data', '.s.PGSQL.5432') });
  try {
    const tables = Tables.parse([
      ...(await sql`SELECT table_schema AS schema, table_name AS name FROM information_schema.tables
        WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`),
    ]);
    if (tables.length === 0) throw new Error('The control plane has no tables.');
    const places: Place[] = [];
    for (const { schema, name } of tables) {
      const rows = await sql`SELECT to_jsonb(t)::text AS row FROM ${sql(schema)}.${sql(name)} AS t`;
      places.push(place(`the table ${schema}.${name}`, rows.map((row) => String(row['row'])).join('\n')));
    }
    return places;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Logs of the programs and all else that they keep on the disk, the raw pages and the journal of the database too. */
export function filePlaces(dev: DevEnvironment): Place[] {
  const folders = [join(dev.dataDir, 'logs'), join(dev.dataDir, 'controller'), join(dev.dataDir, 'caddy')];
  return folders.flatMap((folder) =>
    filesBelow(folder).map((file) => ({
      where: `the file ${relative(dev.dataDir, file)}`,
      content: readFileSync(file),
    })),
  );
}

/** Watches the arguments of every process of this machine, those of guests included, until it is told to stop. */
export class ProcessWatch {
  #process: ChildProcess | undefined;
  #seen = '';

  start(): void {
    const script =
      'while :; do for file in /proc/[0-9]*/cmdline; do tr "\\0" " " < $file; echo; done 2>/dev/null | sort -u; sleep 0.2; done';
    const child = spawn('busybox', ['sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    const lines = new Set<string>();
    child.stdout.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n')) lines.add(line);
      this.#seen = [...lines].join('\n');
    });
    this.#process = child;
  }

  stop(): Place {
    this.#process?.kill();
    this.#process = undefined;
    return place('the arguments of processes', this.#seen);
  }
}

function place(where: string, text: string): Place {
  return { where, content: Buffer.from(text) };
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => isReadable(file));
}

function isReadable(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  return found !== undefined && found.isFile() && found.size > 0 && found.size <= MAX_FILE;
}
