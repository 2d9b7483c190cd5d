import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** A push as a forge tells of it, or why it counts for nothing. */
export type Delivery =
  | { type: 'push'; ids: readonly string[]; branches: readonly string[] }
  /** Genuine, and nothing to do: a ping, an issue, a tag. */
  | { type: 'other'; ids: readonly string[] }
  | { type: 'forged' };

interface Received {
  /** By lower-case name. */
  header(name: string): string | undefined;
  /** The bytes that were signed. */
  body: Uint8Array;
  secret: string;
}

interface Forge {
  /** The header whose presence says which forge this is. */
  proof: string;
  isGenuine(proof: string, received: Received): boolean;
  event: string;
  pushes: readonly string[];
  delivery: readonly string[];
}

function signed(proof: string, { body, secret }: Received): boolean {
  const expected = createHmac('sha256', secret).update(body).digest('hex');
  return sameText(proof.replace(/^sha256=/, ''), expected);
}

/** Gitea also sends the header of GitHub, so it is asked about first. */
const forges: readonly Forge[] = [
  {
    proof: 'x-gitea-signature',
    isGenuine: signed,
    event: 'x-gitea-event',
    pushes: ['push'],
    delivery: ['x-gitea-delivery'],
  },
  {
    proof: 'x-hub-signature-256',
    isGenuine: signed,
    event: 'x-github-event',
    pushes: ['push'],
    delivery: ['x-github-delivery'],
  },
  {
    proof: 'x-gitlab-token',
    isGenuine: (proof, { secret }) => sameText(proof, secret),
    event: 'x-gitlab-event',
    pushes: ['Push Hook'],
    delivery: ['x-gitlab-event-uuid', 'x-gitlab-webhook-uuid', 'idempotency-key'],
  },
  {
    proof: 'x-hub-signature',
    isGenuine: signed,
    event: 'x-event-key',
    pushes: ['repo:push'],
    delivery: ['x-request-uuid', 'x-hook-uuid'],
  },
];

/**
 * Proves a delivery and reads of it what it is about. The proof is compared in constant time, and nothing of the body is looked at
 * before. An empty secret proves nothing.
 */
export function verifyDelivery(received: Received): Delivery {
  const forge = forges.find(({ proof }) => received.header(proof) !== undefined);
  const proof = forge && received.header(forge.proof);
  if (!forge || proof === undefined || received.secret === '' || !forge.isGenuine(proof, received))
    return { type: 'forged' };
  const stated = forge.delivery.map((name) => received.header(name)).find((value) => value !== undefined);
  // The id is not part of what is signed, so whoever sends a delivery again can change it; not so the body.
  const ids = [createHash('sha256').update(received.body).digest('hex'), ...(stated === undefined ? [] : [stated])];
  if (!forge.pushes.includes(received.header(forge.event) ?? '')) return { type: 'other', ids };
  return { type: 'push', ids, branches: branchesOf(received) };
}

const Push = z.object({
  ref: z.string().optional(),
  push: z
    .object({ changes: z.array(z.object({ new: z.object({ type: z.string(), name: z.string() }).nullish() })) })
    .optional(),
});

/** The branches that were pushed to; none when the body says nothing of that. */
function branchesOf(received: Received): string[] {
  const { data } = Push.safeParse(payloadOf(received));
  const { ref, push } = data ?? {};
  const named = ref?.startsWith('refs/heads/') ? [ref.slice('refs/heads/'.length)] : [];
  const changed = (push?.changes ?? []).flatMap((change) => (change.new?.type === 'branch' ? [change.new.name] : []));
  return [...named, ...changed];
}

/** JSON, or the form with JSON in it that GitHub sends unless told otherwise. */
function payloadOf({ body, header }: Received): unknown {
  const text = Buffer.from(body).toString('utf8');
  const isForm = header('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  try {
    return JSON.parse(isForm ? (new URLSearchParams(text).get('payload') ?? '') : text);
  } catch {
    return undefined;
  }
}

/** In a time that tells nothing of either: digests have one length. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
