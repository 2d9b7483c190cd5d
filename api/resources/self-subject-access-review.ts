import { z } from 'zod';
import { allKinds, type AnyKind } from '../../crds/kinds.ts';
import { GROUP } from '../../crds/meta.ts';
import { isFault } from '../../controller/errors.ts';
import { verbs, type Verb } from '../auth/permissions.ts';
import type { ApiContext } from '../context.ts';
import { respond } from '../respond.ts';
import { Refused } from '../status.ts';
import { manifestFormat, mediaTypeOf, readBody } from './body.ts';
import type { ResourceDeps } from './deps.ts';
import { subresourcesOf } from './discovery.ts';
import { readProtobuf, readProtobufBody } from './kubernetes-protobuf.ts';

const Text = z.string().max(512).default('');

const Review = z.object({
  spec: z.object({
    resourceAttributes: z
      .object({
        namespace: Text,
        verb: Text,
        group: Text,
        resource: Text,
        subresource: Text,
        name: Text,
      })
      .optional(),
    nonResourceAttributes: z.object({ path: Text, verb: Text }).optional(),
  }),
});
type ResourceAttributes = NonNullable<z.output<typeof Review>['spec']['resourceAttributes']>;

interface Answer {
  allowed: boolean;
  reason?: string;
}

type Asking = Pick<ResourceDeps, 'authorizer'>;

/** `POST .../selfsubjectaccessreviews`: whether the asker may do something, by the same rules that would decide on it. */
export async function reviewOwnAccess(context: ApiContext, deps: Asking): Promise<Response> {
  const read = Review.safeParse(await readQuestion(context.req.raw));
  const { resourceAttributes: resource, nonResourceAttributes: address } = read.data?.spec ?? {};
  if (!read.data || (resource === undefined) === (address === undefined)) {
    throw new Refused(
      'Invalid',
      'A SelfSubjectAccessReview has either spec.resourceAttributes (verb, group, resource, namespace, name) or spec.nonResourceAttributes (verb, path).',
    );
  }
  const status = resource ? await answerResource(context, deps, resource) : answerAddress(context, address);
  const { spec } = read.data;
  return respond(
    context,
    { kind: 'SelfSubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec, status },
    { code: 201 },
  );
}

/** The question as JSON would say it; kubectl asks in the binary form of Kubernetes, whose fields have numbers. */
async function readQuestion(request: Request): Promise<unknown> {
  if (mediaTypeOf(request) !== 'application/vnd.kubernetes.protobuf') return readBody(request, manifestFormat(request));
  const spec = readProtobuf((await readProtobufBody(request)).get(2) ?? Buffer.alloc(0));
  const texts = (field: number, names: readonly string[]): object | undefined => {
    const message = spec.get(field);
    if (!message) return undefined;
    const values = readProtobuf(message);
    return Object.fromEntries(names.map((name, index) => [name, values.get(index + 1)?.toString()]));
  };
  return {
    spec: {
      resourceAttributes: texts(1, ['namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name']),
      nonResourceAttributes: texts(2, ['path', 'verb']),
    },
  };
}

/** A `*` stands for all there is; the first that is refused answers for it. */
async function answerResource(context: ApiContext, deps: Asking, asked: ResourceAttributes): Promise<Answer> {
  const kinds = kindsOf(asked);
  const wanted = asked.verb === '*' ? verbs : verbs.filter((verb) => verb === asked.verb);
  if (kinds.length === 0) {
    const named = [asked.resource, asked.subresource].filter((part) => part !== '').join('/');
    return { allowed: false, reason: `There is no resource "${named}" in the group "${asked.group}".` };
  }
  if (wanted.length === 0) {
    return { allowed: false, reason: `There is no verb "${asked.verb}". Verbs: ${verbs.join(', ')}.` };
  }
  for (const kind of kinds) {
    for (const verb of wanted) {
      const refusal = await refusalOf(context, deps, { kind, verb, asked });
      if (refusal !== undefined) return { allowed: false, reason: refusal };
    }
  }
  return { allowed: true };
}

function kindsOf({ group, resource, subresource }: ResourceAttributes): AnyKind[] {
  // Of everything kubectl asks without a group.
  if (group !== GROUP && group !== '*' && !(group === '' && resource === '*')) return [];
  return allKinds.filter(
    (kind) =>
      (resource === '*' || resource === kind.plural) &&
      (subresource === '' || subresource === '*' || subresourcesOf(kind).includes(subresource)),
  );
}

async function refusalOf(
  context: ApiContext,
  { authorizer }: Asking,
  { kind, verb, asked }: { kind: AnyKind; verb: Verb; asked: ResourceAttributes },
): Promise<string | undefined> {
  const namespace = kind.scope === 'Namespaced' ? asked.namespace || undefined : undefined;
  const subresource = (asked.subresource === '*' ? 'status' : asked.subresource) || undefined;
  try {
    await authorizer.check(context.get('identity'), {
      verb,
      kind: kind.kind,
      namespace,
      name: asked.name || undefined,
      subresource,
    });
    return undefined;
  } catch (error) {
    if (error instanceof Refused || isFault(error, 'NotFound')) return error.message;
    throw error;
  }
}

/** What is read by whoever is logged in. */
const openAddress = /^\/(?:api|apis|openapi|version|healthz|livez|readyz)(?:$|\/)/;

function answerAddress(context: ApiContext, { path, verb } = { path: '', verb: '' }): Answer {
  if (verb !== 'get') return { allowed: false, reason: 'What is no resource can be read only: ask for the verb get.' };
  if (openAddress.test(path)) return { allowed: true };
  if (path === '/metrics' && context.get('identity').admin) return { allowed: true };
  return { allowed: false, reason: `"${path}" is not served to you.` };
}
