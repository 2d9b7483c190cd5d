import { request, type Dispatcher } from 'undici';
import { z } from 'zod';
import type { RequestBody } from './request-body.ts';
import { ConnectFailure } from './tls-connector.ts';

/** What came back, read whole. */
export interface Answer {
  status: number;
  /** The message in full where there is one, else the status line's. */
  text: string;
  errors: Readonly<Record<string, string>>;
  /** Undefined when the body is not Proxmox's envelope. */
  envelope: { data: unknown } | undefined;
}

/** How one request ended. `failure`: nothing was sent. `broken`: it may have been. `silent`: so too, and no sign of life. */
export type Exchange =
  | { end: 'answered'; answer: Answer }
  | { end: 'unconnected'; failure: ConnectFailure }
  | { end: 'silent'; cause: unknown }
  | { end: 'broken'; reason: string; cause: unknown };

export interface ExchangeRequest {
  url: URL;
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  dispatcher: Dispatcher;
  authorization: string;
  body: RequestBody | undefined;
  /** Without a byte going out or an answer coming in. */
  timeoutMs: number;
  answerLimitBytes: number;
}

/** Sends one request, once. Throws only the signal's reason. */
export async function exchange(
  { url, method, dispatcher, authorization, body, timeoutMs, answerLimitBytes }: ExchangeRequest,
  signal: AbortSignal,
): Promise<Exchange> {
  signal.throwIfAborted();
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), timeoutMs);
  const onChunk = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), timeoutMs);
  };
  try {
    const response = await request(url, {
      method,
      dispatcher,
      signal: AbortSignal.any([signal, silence.signal]),
      headers: { authorization, accept: 'application/json', ...body?.headers },
      ...(body && { body: body.open(onChunk) }),
    });
    return { end: 'answered', answer: await readAnswer(response, answerLimitBytes) };
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ConnectFailure) return { end: 'unconnected', failure: cause };
    if (silence.signal.aborted) return { end: 'silent', cause };
    return { end: 'broken', reason: reasonOf(cause), cause };
  } finally {
    clearTimeout(timer);
  }
}

const Envelope = z.object({
  data: z.unknown(),
  message: z.string().nullish(),
  errors: z.record(z.string(), z.coerce.string()).nullish(),
});

async function readAnswer({ statusCode, statusText, body }: Dispatcher.ResponseData, limit: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    sizeBytes += bytes.length;
    if (sizeBytes > limit) throw new Error(`the answer is larger than ${limit} bytes`);
    chunks.push(bytes);
  }
  const envelope = parseEnvelope(Buffer.concat(chunks).toString('utf8'));
  return {
    status: statusCode,
    text: envelope?.message?.trim() || statusText,
    errors: envelope?.errors ?? {},
    envelope: envelope && { data: envelope.data },
  };
}

function parseEnvelope(text: string): z.output<typeof Envelope> | undefined {
  try {
    return Envelope.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  return 'code' in error && typeof error.code === 'string' ? `${error.message} (${error.code})` : error.message;
}
