import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractClient } from './contract-client.ts';
import { readContract, type ContractOperation } from './contract.ts';
import { hostileText, hostileValue } from './hostile-values.ts';
import { createRestWorld, type RestWorld } from './rest-world.ts';

const contract = readContract();
const RUNS = 40;

let world: RestWorld;
let client: ContractClient;
beforeAll(async () => {
  world = await createRestWorld();
  client = new ContractClient(world.url, contract);
});
afterAll(() => world.close());

/** What a well-meaning client would send, by the name of the field; each run then spoils some of it. */
function goodFields(): Record<string, unknown> {
  const { own } = world;
  return {
    email: 'ann@people.example',
    password: 'a long enough password',
    name: 'Orders',
    description: 'What it is for',
    avatar_url: 'https://people.example/ann.png',
    type: 'web',
    source: { type: 'git', repository: 'https://git.example/shop/web.git', branch: 'main', root_directory: '/' },
    build_config: { builder_type: 'dockerfile', start_command: 'serve', environment_variables: { A: 'b' } },
    resources: { cpu: '1', memory: '256Mi', storage: '1Gi' },
    commit_hash: 'c'.repeat(40),
    branch: 'main',
    trigger: 'manual',
    env_vars: { A: 'b' },
    image_name: 'shop/web',
    image_tag: '1',
    build_type: 'dockerfile',
    build_args: { A: 'b' },
    environment: { A: 'b' },
    labels: { a: 'b' },
    commit: 'c'.repeat(40),
    project_id: own.project,
    service_id: own.service,
    plan: 'hobby',
    region: 'default',
    variables: {},
    action: 'restart',
    backup_id: own.backup,
    access_token: 'token',
  };
}

const enums: Readonly<Record<string, string>> = {
  'POST /databases': 'postgresql',
  'POST /git/providers': 'github',
};

/** A body of the operation's own fields. */
function goodBody({ name, requestSchema }: ContractOperation): Record<string, unknown> {
  const properties = Object.keys(Object(contract.resolve(requestSchema)['properties']));
  const good = goodFields();
  return Object.fromEntries(
    properties
      .filter((property) => Object.hasOwn(good, property))
      .map((property) => [property, property === 'type' ? (enums[name] ?? good['type']) : good[property]]),
  );
}

function goodParams(path: string): Record<string, string> {
  const { own } = world;
  const id = path.startsWith('/projects')
    ? own.project
    : path.startsWith('/services')
      ? own.service
      : path.startsWith('/deployments')
        ? own.deployment
        : path.startsWith('/builds')
          ? own.build
          : path.startsWith('/templates')
            ? 'postgresql'
            : own.database;
  return { id, project_id: own.project, resource: 'service', providerId: own.project };
}

/** The places of a body at which a value can be spoiled: every field, however deep, and the names of free fields. */
function placesOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[...path]];
  return [[...path], ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, key]))];
}

function spoiled(value: unknown, [step, ...rest]: readonly string[], by: unknown): unknown {
  if (step === undefined) return by;
  const fields = new Map(Object.entries(Object(value)));
  fields.set(step, spoiled(fields.get(step), rest, by));
  return Object.fromEntries(fields);
}

/** Calls as the owner; holds the answer to the contract, and a refusal to having changed nothing. */
async function demandNoHarm(
  operation: ContractOperation,
  options: Parameters<ContractClient['send']>[1],
): Promise<void> {
  const before = await objects();
  const { status, body } = await client.send(operation, { token: 'owner', ...options });
  expect(status, JSON.stringify(body)).not.toBe(500);
  if (status >= 400) expect(await objects()).toEqual(before);
}

/** Every object that there is, in its version; what a half-done write would leave shows here. */
async function objects(): Promise<string> {
  return world.api.store.currentVersion();
}

// What deletes is asked with hostile ids only: the world has to live on.
const writing = contract.operations.filter(({ requestSchema }) => requestSchema !== undefined);
const withPath = contract.operations.filter(({ path }) => path.includes('{'));
const withQuery = contract.operations.filter(({ query }) => query.some((name) => name !== 'follow'));

describe('hostile values over the contract', () => {
  it.each(writing.map((operation) => [operation.name, operation] as const))(
    '%s takes or refuses any value at any field of its body, and does nothing by halves',
    async (_, operation) => {
      const body = goodBody(operation);
      const places = placesOf(body);
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...places), hostileValue, async (place, value) => {
          await demandNoHarm(operation, {
            params: goodParams(operation.path),
            body: spoiled(body, place, value),
          });
        }),
        { numRuns: RUNS },
      );
    },
  );

  it.each(writing.map((operation) => [operation.name, operation] as const))(
    '%s refuses any field that it does not know, and names it',
    async (_, operation) => {
      await fc.assert(
        fc.asyncProperty(fc.stringMatching(/^[a-z_]{1,20}$/), async (field) => {
          const known = Object.keys(Object(contract.resolve(operation.requestSchema)['properties']));
          if (known.includes(field)) return;
          const options = { params: goodParams(operation.path), body: { ...goodBody(operation), [field]: 'x' } };
          const { status, body } = await client.send(operation, { token: 'owner', ...options });
          expect(status).toBe(400);
          expect(JSON.stringify(body)).toContain(field);
        }),
        { numRuns: 5 },
      );
    },
  );

  it.each(withPath.map((operation) => [operation.name, operation] as const))(
    '%s knows nothing under any other id',
    async (_, operation) => {
      const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...names),
          hostileText.filter(
            (text) => text.trim() !== '' && !/^\.{1,2}$/.test(text) && !text.includes('\ud800') && text.length < 4_000,
          ),
          async (name, text) => {
            const params = { ...goodParams(operation.path), [name]: text };
            const body = operation.requestSchema === undefined ? {} : { body: goodBody(operation) };
            const { status } = await client.send(operation, { token: 'owner', params, ...body });
            expect([400, 404, 414]).toContain(status);
          },
        ),
        { numRuns: RUNS },
      );
    },
  );

  it.each(withQuery.map((operation) => [operation.name, operation] as const))(
    '%s takes or refuses any parameter',
    async (_, operation) => {
      const parameters = operation.query.filter((name) => name !== 'follow');
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...parameters), hostileText, async (name, text) => {
          if (text.length > 4_000 || text.includes('\ud800')) return;
          await demandNoHarm(operation, { params: goodParams(operation.path), query: { [name]: text } });
        }),
        { numRuns: RUNS },
      );
    },
  );

  it('refuses bodies that are no JSON object, too large, or of another type, with one clear error', async () => {
    const bodies: [string, string, number][] = [
      ['application/json', '{"name": ', 400],
      ['application/json', '[]', 400],
      ['application/json', '"text"', 400],
      ['application/json', `{"name": "${'x'.repeat(2 ** 20 + 1)}"}`, 413],
      ['text/xml', '<name/>', 415],
      ['application/json', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, 400],
    ];
    const before = await objects();
    for (const [type, body, expected] of bodies) {
      const headers = { 'content-type': type, authorization: 'Bearer owner' };
      const response = await fetch(`${world.url}/api/v1/projects`, { method: 'POST', headers, body });
      expect([type, response.status]).toEqual([type, expected]);
      expect(await response.json()).toMatchObject({ error: expect.any(String), code: expect.any(String) });
    }
    expect(await objects()).toBe(before);
  });
});
