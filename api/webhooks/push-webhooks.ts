import { Hono } from 'hono';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { WEBHOOK_REQUESTED_AT } from '../../crds/meta.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import type { Clock } from '../../controller/clock.ts';
import { isFault } from '../../controller/errors.ts';
import type { SecretBox } from '../../controller/secrets/secret-box.ts';
import { storedValue } from '../../controller/secrets/stored-value.ts';
import type { ObjectKey, ResourceStore } from '../../controller/store/store.ts';
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

/** What a webhook needs to know of the object that it is for. */
interface Endpoint {
  secretRef: { name: string; key: string } | undefined;
  /** Without one a push to any branch counts. */
  branch: string | undefined;
}

/**
 * `POST /webhooks/reposync/NAMESPACE/NAME`, and the same for `service`: a forge tells of a push, and the loop looks at once.
 * Whoever cannot prove to know the secret gets the answer that there is nothing here, whether there is or not.
 */
export function pushWebhooks({ store, box, clock }: WebhookOptions): Hono<ApiEnv> {
  const seen = new DeliveryMemory();
  const routes = new Hono<ApiEnv>();

  routes.post('/webhooks/reposync/:namespace/:name', (context) =>
    receive(context, RepoSync, context.req.param(), ({ spec }) => ({
      secretRef: spec.webhookSecretRef,
      branch: spec.branch,
    })),
  );
  routes.post('/webhooks/service/:namespace/:name', (context) =>
    receive(context, Service, context.req.param(), ({ spec }) => ({
      // A commit that the spec names is never moved.
      secretRef: spec.source.commit === undefined ? spec.webhookSecretRef : undefined,
      branch: spec.source.branch,
    })),
  );
  return routes;

  async function receive<R extends Resource>(
    context: ApiContext,
    kind: Kind<R>,
    key: { namespace: string; name: string },
    endpointOf: (object: R) => Endpoint,
  ): Promise<Response> {
    const body = await readBody(context);
    const object = await store.get(kind, key);
    const { secretRef, branch } = object ? endpointOf(object) : {};
    const secret = secretRef && (await secretOf(key.namespace, secretRef));
    // Without a secret the work is the same, so that the time tells nothing.
    const delivery = verifyDelivery({ header: (header) => context.req.header(header), body, secret: secret ?? '' });
    if (!object || secret === undefined || delivery.type === 'forged') throw absent(context);
    if (!seen.isNew(object.metadata.uid, delivery.ids))
      return context.json({ message: 'This delivery came before.' }, 202);
    if (delivery.type === 'other') return context.json({ message: 'Only pushes count here.' }, 202);
    if (branch === undefined ? delivery.branches.length === 0 : !delivery.branches.includes(branch))
      return context.json({ message: 'Another branch is followed.' }, 202);
    await request(kind, key);
    return context.json({ message: 'The repository is looked at now.' }, 202);
  }

  async function secretOf(
    namespace: string,
    { name, key }: { name: string; key: string },
  ): Promise<string | undefined> {
    const secret = await store.get(Secret, { namespace, name });
    const stored = secret && storedValue(secret, key);
    if (!stored?.ok) return undefined;
    try {
      const value = box.open({ namespace, name, key }, stored.encrypted);
      return value === '' ? undefined : value;
    } catch (error) {
      if (isFault(error, 'Denied')) return undefined;
      throw error;
    }
  }

  /** Asks the loop by an annotation, on whatever is stored by then. */
  async function request<R extends Resource>(kind: Kind<R>, key: ObjectKey): Promise<void> {
    for (let tried = 1; ; tried += 1) {
      const object = await store.get(kind, key);
      if (!object) return;
      const annotations = { ...object.metadata.annotations, [WEBHOOK_REQUESTED_AT]: clock.now().toISOString() };
      try {
        await store.update(kind, { ...object, metadata: { ...object.metadata, annotations } }, { manager: 'webhook' });
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
