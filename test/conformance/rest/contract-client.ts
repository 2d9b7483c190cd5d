import { expect } from 'vitest';
import { z } from 'zod';
import type { Contract, ContractOperation } from './contract.ts';

/** An answer that kept to the contract. */
export interface ContractAnswer {
  status: number;
  headers: Headers;
  body: unknown;
  /** The body as an object; empty when it is none. */
  fields: Record<string, unknown>;
}

interface CallOptions {
  /** Without one, nobody asks. */
  token?: string | undefined;
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

const Fields = z.record(z.string(), z.unknown()).catch({});

/** A client that holds every request and answer against the contract, and remembers what it called with which status. */
export class ContractClient {
  readonly seen = new Map<string, Set<number>>();
  readonly #url: string;
  readonly #contract: Contract;

  constructor(url: string, contract: Contract) {
    this.#url = url;
    this.#contract = contract;
  }

  /** Calls `POST /projects/{id}`. Fails the test when the request or the answer is not as the contract has it. */
  async call(name: string, options: CallOptions = {}): Promise<ContractAnswer> {
    const operation = this.#contract.operations.find((known) => known.name === name);
    if (!operation) throw new Error(`The contract has no ${name}.`);
    expect(this.#contract.requestProblem(operation, options.body), `${name}: request`).toBeUndefined();
    return this.send(operation, options);
  }

  /** The same, whatever the request looks like: only the answer has to keep to the contract. */
  async send(operation: ContractOperation, options: CallOptions): Promise<ContractAnswer> {
    const { token, params = {}, query = {}, body, headers = {} } = options;
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const search = new URLSearchParams(query).toString();
    const response = await fetch(`${this.#url}/api/v1${path}${search === '' ? '' : `?${search}`}`, {
      method: operation.method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const answered: unknown = text === '' ? undefined : type.includes('json') ? JSON.parse(text) : text;
    const problem = this.#contract.responseProblem(operation, response.status, type, answered);
    expect(problem, `${operation.name}: ${JSON.stringify(answered)?.slice(0, 500)}`).toBeUndefined();
    const statuses = this.seen.get(operation.name) ?? new Set();
    this.seen.set(operation.name, statuses.add(response.status));
    return { status: response.status, headers: response.headers, body: answered, fields: Fields.parse(answered) };
  }
}
