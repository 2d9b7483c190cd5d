import { request } from 'undici';
import { z } from 'zod';
import type { DevEnvironment } from '../dev-environment.ts';
import { buildDatabaseImage } from './database-images.ts';
import { recipes, type RealEngine } from './image-recipes.ts';
import { openRowStore, type RowStore } from './row-store.ts';

const Databases = z.object({
  databases: z.array(
    z.object({ id: z.string(), name: z.string(), status: z.string(), connection_url: z.string().optional() }),
  ),
});

/** A database that answers, in a guest of its own. */
export interface ReadyDatabase {
  engine: RealEngine;
  name: string;
  /** With its password, as the REST API tells it to those who may read it. */
  url: string;
  /** Empty and prepared. */
  rows: RowStore;
  /** From the manifest to Ready. */
  readyMs: number;
}

export const PROJECT = 'shop';

/** Makes the image when it is not there, applies the Database, waits until it is Ready, and prepares the place for rows. */
export async function startDatabase(
  dev: DevEnvironment,
  engine: RealEngine,
  { name = `my-${engine}`, spec = '' }: { name?: string; spec?: string } = {},
): Promise<ReadyDatabase> {
  buildDatabaseImage(dev, engine, recipes[engine].tags);
  const startedAt = performance.now();
  applyDatabase(dev, engine, name, spec);
  const readyMs = performance.now() - startedAt;
  const url = await connectionUrl(dev, name);
  const rows = openRowStore(engine, url);
  await rows.prepare();
  return { engine, name, url, rows, readyMs };
}

/** Applies the Database and waits until it has answered; `spec` is what follows engine, version and plan, as YAML in braces. */
export function applyDatabase(dev: DevEnvironment, engine: RealEngine, name: string, spec = ''): void {
  const [version] = recipes[engine].tags;
  const given = spec.includes('plan:') ? '' : ', plan: hobby';
  const tag = spec.includes('version:') ? '' : `, version: "${version}"`;
  const text = `apiVersion: containr.dev/v1alpha1
kind: Project
metadata: { name: ${PROJECT} }
---
apiVersion: containr.dev/v1alpha1
kind: Database
metadata: { name: ${name}, namespace: ${PROJECT} }
spec: { engine: ${engine}${tag}${given}${spec === '' ? '' : `, ${spec}`} }
`;
  dev.must('apply', '-f', dev.write(`${name}.yaml`, text));
  if (spec.includes('power: stopped')) {
    dev.must('wait', `database/${name}`, '-n', PROJECT, '--for=jsonpath={.status.phase}=Stopped', '--timeout', '90s');
    return;
  }
  dev.must('wait', `database/${name}`, '-n', PROJECT, '--for=condition=Ready', '--timeout', '120s');
}

/** What the REST API tells a client to connect to. */
export async function connectionUrl(dev: DevEnvironment, name: string): Promise<string> {
  const text = await askController(dev, '/api/v1/databases');
  const url = Databases.parse(JSON.parse(text)).databases.find((one) => one.name === name)?.connection_url;
  if (url === undefined) throw new Error(`The REST API tells no connection_url of ${name}.`);
  return url;
}

/** One question over a connection of its own: a test that waits for a command lets those that are kept open go stale. */
export async function askController(dev: DevEnvironment, path: string): Promise<string> {
  const { statusCode, body } = await request(`${dev.ready.url}${path}`, {
    headers: { authorization: `Bearer ${dev.ready.token}` },
    reset: true,
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`GET ${path} answered ${statusCode}: ${text.slice(0, 300)}`);
  return text;
}
