import { createHash } from 'node:crypto';
import type { WireRequest } from '../testing/api-client.ts';
import type { RecordedCall } from './reference.ts';
import type { ReplayedCluster } from './replayed-cluster.ts';

/** A ticket that was handed out during the replay. */
export interface Ticket {
  ticket: string;
  csrfToken: string;
}

/** What stands in recorded requests for things that are another each time. */
export interface Translations {
  /** Recorded task ids, digests and file names to ours. */
  readonly names: ReadonlyMap<string, string>;
  readonly tickets: ReadonlyMap<string, Ticket>;
}

const boundary = '----conformance7f3a';

/** Makes the request anew that a recorded answer was given to. */
export function recordedRequest(call: RecordedCall, cluster: ReplayedCluster, translations: Translations): WireRequest {
  const path = translate(call.path, translations);
  const headers = { ...authHeaders(call.auth, cluster, translations), ...call.requestHeaders };
  const parameters = translateParameters(call.params ?? {}, translations);
  const request = { method: call.method, path, headers };
  const written = /^(?:form|json|raw): ([^,]*?)(?:, no Content-Type)?$/.exec(call.encoding ?? '')?.[1];
  if (written !== undefined) return { ...request, body: written };
  switch (call.encoding) {
    case null:
      return request;
    case 'query':
      return { ...request, path: `${path}?${form(parameters)}` };
    case 'form':
      return {
        ...request,
        headers: { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' },
        body: form(parameters),
      };
    case 'json':
      return {
        ...request,
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify(parameters),
      };
    case 'json, cut off':
      return { ...request, body: '{"vmid": "100' };
    case 'text/plain':
      return { ...request, body: 'some text' };
    case 'multipart':
      return { ...request, headers: { ...headers, ...multipartType }, body: multipart(call, cluster) };
    default:
      throw new Error(`line ${call.n} has the encoding ${call.encoding}, which the replay does not know`);
  }
}

const multipartType = { 'Content-Type': `multipart/form-data; boundary=${boundary}` };

/** Puts our names in place of the recorded ones. */
export function translate(text: string, { names }: Pick<Translations, 'names'>): string {
  let result = text;
  for (const [recorded, ours] of names) {
    result = result
      .replaceAll(recorded, ours)
      .replaceAll(encodeURIComponent(recorded), encodeURIComponent(ours))
      .replaceAll(encodeStrictly(recorded), encodeStrictly(ours));
  }
  return result;
}

function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replaceAll('!', '%21');
}

function translateParameters(parameters: Record<string, unknown>, translations: Translations): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'string' ? translate(value, translations) : value,
    ]),
  );
}

function authHeaders(auth: string, { secrets }: ReplayedCluster, { tickets }: Translations): Record<string, string> {
  const secret = secrets[auth];
  if (secret !== undefined) return { Authorization: `PVEAPIToken=${auth}=${secret}` };
  const literal = /^Authorization: (.*)$/.exec(auth)?.[1];
  const full = secrets['root@pam!full'] ?? '';
  if (literal !== undefined) return { Authorization: literal.replace('<secret>', full).replace('<uuid>', full) };
  const byTicket = /^(\S+) ticket cookie( \+ bad CSRFPreventionToken| \+ CSRFPreventionToken)?$/.exec(auth);
  if (byTicket) return ticketHeaders(byTicket[1] ?? '', byTicket[2] ?? '', tickets);
  switch (auth) {
    case 'none':
      return {};
    case 'root@pam!full with a wrong secret':
      return { Authorization: 'PVEAPIToken=root@pam!full=00000000-0000-0000-0000-000000000000' };
    case 'garbage cookie':
      return { Cookie: 'PVEAuthCookie=garbage' };
    case 'pveapitoken=... (lower-case scheme)':
      return { Authorization: `pveapitoken=root@pam!full=${full}` };
    case 'PVEAPIToken=root%40pam%21full=<secret>':
      return { Authorization: `PVEAPIToken=root%40pam%21full=${full}` };
    default:
      return { Authorization: `PVEAPIToken=${auth}=11111111-1111-1111-1111-111111111111` };
  }
}

function ticketHeaders(user: string, csrf: string, tickets: Translations['tickets']): Record<string, string> {
  const known = tickets.get(user);
  const headers = { Cookie: `PVEAuthCookie=${encodeURIComponent(known?.ticket ?? '')}` };
  if (csrf === '') return headers;
  return { ...headers, CSRFPreventionToken: csrf.includes('bad') ? 'bad' : (known?.csrfToken ?? '') };
}

function form(parameters: Record<string, unknown>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&');
}

function multipart({ multipart: parts }: RecordedCall, { images }: ReplayedCluster): Buffer {
  const content = images['web_1.0.tar'] ?? Buffer.alloc(0);
  const right = createHash('sha256').update(content).digest('hex');
  const fields = (parts?.fields ?? []).map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${isRightChecksum(name, value) ? right : value}\r\n`,
  );
  const file = parts?.file ?? { name: '', filename: '' };
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${file.name}"; filename="${file.filename}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return Buffer.concat([Buffer.from(fields.join('') + head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

function isRightChecksum(name: string, value: string): boolean {
  return name === 'checksum' && !/^0+$/.test(value);
}
