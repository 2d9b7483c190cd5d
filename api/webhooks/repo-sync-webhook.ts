import { Hono } from 'hono';
import { WEBHOOK_REQUESTED_AT } from '../../crds/meta.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { Secret } from '../../crds/secret.ts';
import type { Clock } from '../../controller/clock.ts';
import { isFault } from '../../controller/errors.ts';
import type { SecretBox } from '../../controller/secrets/secret-box.ts';
import { storedValue } from '../../controller/secrets/stored-value.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import type { ApiContext, ApiEnv } from '../context.ts';
import { Refused } from '../status.ts';
import { DeliveryMemory } from './delivery-memory.ts';
import { verifyDelivery } from './verify-delivery.ts';

interface WebhookOptions {
  store: Pick<ResourceStore, 'get' | 'update'>;
  box: SecretBox;
  clock: Pick<Clock, 'now'>;
}

/** GitHub cuts its deliveries off at 25 MiB; what of it has to be read is far less, and a push of that size comes by polling. */
const MOST_BYTES = 5 * 2 ** 20;
const TRIES = 5;

/**
 * `POST /webhooks/reposync/NAMESPACE/NAME`: a forge tells of a push, and the RepoSync looks at once. Whoever cannot prove to know
 * the secret gets the answer that there is nothing here, whether there is or not.
 */
export function repoSyncWebhooks({ store, box, clock }: WebhookOptions): Hono<ApiEnv> {
  const seen = new DeliveryMemory();
  const routes = new Hono<ApiEnv>();

  routes.post('/webhooks/reposync/:namespace/:name', async (context) => {
    const { namespace, name } = context.req.param();
    const body = await readBody(context);
    const sync = await store.get(RepoSync, { namespace, name });
    const secret = sync && (await secretOf(sync));
    // Without a secret the work is the same, so that the time tells nothing.
    const delivery = verifyDelivery({ header: (header) => context.req.header(header), body, secret: secret ?? '' });
    if (!sync || secret === undefined || delivery.type === 'forged') throw absent(context);
    if (!seen.isNew(sync.metadata.uid, delivery.ids))
      return context.json({ message: 'This delivery came before.' }, 202);
    if (delivery.type === 'other') return context.json({ message: 'Only pushes count here.' }, 202);
    const { branch } = sync.spec;
    if (branch === undefined ? delivery.branches.length === 0 : !delivery.branches.includes(branch))
      return context.json({ message: 'Another branch is followed.' }, 202);
    await request(sync);
    return context.json({ message: 'The repository is looked at now.' }, 202);
  });
  return routes;

  async function secretOf({ metadata: { namespace = '' }, spec }: RepoSync): Promise<string | undefined> {
    const { webhookSecretRef: ref } = spec;
    if (!ref) return undefined;
    const secret = await store.get(Secret, { namespace, name: ref.name });
    const stored = secret && storedValue(secret, ref.key);
    if (!stored?.ok) return undefined;
    try {
      const value = box.open({ namespace, name: ref.name, key: ref.key }, stored.encrypted);
      return value === '' ? undefined : value;
    } catch (error) {
      if (isFault(error, 'Denied')) return undefined;
      throw error;
    }
  }

  /** Asks the loop by an annotation, on whatever is stored by then. */
  async function request({ metadata: { namespace, name } }: RepoSync): Promise<void> {
    for (let tried = 1; ; tried += 1) {
      const sync = await store.get(RepoSync, { namespace, name });
      if (!sync) return;
      const annotations = { ...sync.metadata.annotations, [WEBHOOK_REQUESTED_AT]: clock.now().toISOString() };
      try {
        await store.update(RepoSync, { ...sync, metadata: { ...sync.metadata, annotations } }, { manager: 'webhook' });
        return;
      } catch (error) {
        if (tried === TRIES || !isFault(error, 'Conflict')) throw error;
      }
    }
  }
}

function absent(context: ApiContext): Refused {
  return new Refused('NotFound', `There is nothing at ${context.req.path}.`);
}

async function readBody(context: ApiContext): Promise<Uint8Array> {
  const tooLarge = new Refused('RequestEntityTooLarge', `The body is larger than ${MOST_BYTES / 2 ** 20} MiB.`);
  if (Number(context.req.header('content-length') ?? 0) > MOST_BYTES) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
