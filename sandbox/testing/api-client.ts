import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';

/** An answer as it came over the wire. */
export interface WireAnswer {
  status: number;
  statusText: string;
  headers: Record<string, string | string[] | undefined>;
  /** The body's text; empty where there was none. */
  text: string;
  /** The body when it is JSON. */
  body: unknown;
}

export interface WireRequest {
  method?: string;
  /** From /api2 on. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

const Envelope = z.object({ data: z.unknown() });

/** A plain client of the API for tests: it judges nothing. */
export class ApiClient {
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #agent: Agent;

  /** `token` is `user@realm!name=secret`. */
  constructor(url: string, certificate: string, token?: string) {
    this.#url = url;
    this.#token = token;
    this.#agent = new Agent({ ca: certificate, keepAlive: true, maxSockets: 20 });
  }

  /** Sends as it is told; rejects when the connection ends without an answer. */
  async send({ method = 'GET', path, headers = {}, body }: WireRequest): Promise<WireAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const authorization = this.#token === undefined ? {} : { Authorization: `PVEAPIToken=${this.#token}` };
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const options = { method, agent: this.#agent, headers: { ...authorization, ...length, ...headers } };
    const sent = request(`${this.#url}${path}`, options, resolve);
    sent.on('error', reject);
    sent.end(body);
    const answer = await promise;
    const text = (await buffer(answer)).toString('utf8');
    const { statusCode: status = 0, statusMessage: statusText = '' } = answer;
    return { status, statusText, headers: answer.headers, text, body: parse(text) };
  }

  /** A call with JSON parameters; GET and DELETE carry theirs in the query. */
  async call(method: string, path: string, parameters: Record<string, unknown> = {}): Promise<WireAnswer> {
    if (method === 'GET' || method === 'DELETE') {
      const query = new URLSearchParams(
        Object.entries(parameters).map(([key, value]): [string, string] => [key, String(value)]),
      );
      return this.send({ method, path: `/api2/json${path}${query.size > 0 ? `?${query.toString()}` : ''}` });
    }
    const headers = { 'Content-Type': 'application/json' };
    return this.send({ method, path: `/api2/json${path}`, headers, body: JSON.stringify(parameters) });
  }

  /** The `data` of a call that is to succeed. */
  async data(method: string, path: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    const answer = await this.call(method, path, parameters);
    if (answer.status !== 200)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.statusText} ${answer.text}`);
    return Envelope.parse(answer.body).data;
  }

  /** Starts a task and resolves with the status it ended with. */
  async task(method: string, path: string, parameters: Record<string, unknown> = {}): Promise<string> {
    return this.taskEnd(z.string().parse(await this.data(method, path, parameters)));
  }

  /** Follows a task to its end. */
  async taskEnd(upid: string): Promise<string> {
    const node = upid.split(':')[1] ?? '';
    const Status = z.object({ status: z.string(), exitstatus: z.string().optional() });
    for (;;) {
      const path = `/nodes/${node}/tasks/${encodeURIComponent(upid)}/status`;
      const { status, exitstatus } = Status.parse(await this.data('GET', path));
      if (status === 'stopped') return exitstatus ?? '';
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
