import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AccessControl } from '../access/access-control.ts';
import { readIdentity, type Identity } from '../access/identity.ts';

/** The headers that credentials come in. */
export interface Credentials {
  authorization: string | undefined;
  cookie: string | undefined;
  csrfToken: string | undefined;
}

/** Who calls, or the text of the 401. */
export type Authenticated = { identity: Identity } | { refusal: string };

const ticketLifeSeconds = 2 * 60 * 60;

/** Finds out who calls. A ticket goes before a token; a ticket that writes needs its CSRF token. */
export function authenticate(
  access: AccessControl,
  credentials: Credentials,
  method: string,
  now: number,
): Authenticated {
  const ticket = ticketIn(credentials);
  if (ticket !== undefined) {
    const user = readTicket(access, ticket, now);
    if (user === undefined) return { refusal: 'Authentication failed!' };
    if (method !== 'GET' && !isSame(credentials.csrfToken ?? '', csrfTokenFor(access, user, ticket))) {
      return { refusal: 'Permission denied - invalid csrf token' };
    }
    return { identity: readIdentity(user) };
  }
  const value = /^PVEAPIToken[= ](.+)$/.exec(credentials.authorization ?? '')?.[1];
  if (value === undefined) return { refusal: 'No ticket' };
  const [, id = '', secret = ''] = /^([^\s:/@]+@[^\s:/!=]+![^\s=:]+)=(.+)$/.exec(decode(value)) ?? [];
  return access.knowsToken(id, secret) ? { identity: readIdentity(id) } : { refusal: 'Authentication failed!' };
}

/** Writes a ticket for a user who has logged in. */
export function writeTicket(access: AccessControl, user: string, now: number): { ticket: string; csrfToken: string } {
  const stamp = Math.floor(now / 1000)
    .toString(16)
    .toUpperCase()
    .padStart(8, '0');
  const plain = `PVE:${user}:${stamp}`;
  const ticket = `${plain}::${sign(access, plain)}`;
  return { ticket, csrfToken: csrfTokenFor(access, user, ticket) };
}

function readTicket(access: AccessControl, ticket: string, now: number): string | undefined {
  const [, plain = '', user, stamp = '', signature = ''] = /^(PVE:([^:]+):([0-9A-F]{8}))::(.+)$/.exec(ticket) ?? [];
  if (!isSame(signature, sign(access, plain))) return undefined;
  const age = now / 1000 - Number.parseInt(stamp, 16);
  return age > ticketLifeSeconds ? undefined : user;
}

function csrfTokenFor(access: AccessControl, user: string, ticket: string): string {
  const stamp = ticket.split(':')[2] ?? '';
  return `${stamp}:${sign(access, `csrf:${user}:${stamp}`)}`;
}

function ticketIn({ authorization, cookie }: Credentials): string | undefined {
  const found =
    /(?:^|;\s*)PVEAuthCookie=([^;]+)/.exec(cookie ?? '') ?? /^PVEAuthCookie=(.+)$/.exec(authorization ?? '');
  return found?.[1] === undefined ? undefined : decode(found[1]);
}

function sign(access: AccessControl, text: string): string {
  return createHmac('sha256', access.ticketKey).update(text).digest('base64');
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
