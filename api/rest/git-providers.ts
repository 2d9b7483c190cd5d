import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { GitProvider } from '../../crds/git-provider.ts';
import { API_VERSION, SYSTEM_NAMESPACE } from '../../crds/meta.ts';
import { SingleLine } from '../../crds/names.ts';
import { Secret } from '../../crds/secret.ts';
import { isFault } from '../../controller/errors.ts';
import { storedValue } from '../../controller/secrets/stored-value.ts';
import type { Identity } from '../../controller/access/token-store.ts';
import type { ApiContext } from '../context.ts';
import { forgeNames, type Forge, type ForgeRepository, type ForgeType } from '../forges/forge.ts';
import { answer } from './answer.ts';
import { absent } from './find-object.ts';
import { readJson } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { RestError } from './rest-error.ts';
import { createObject, deleteObject } from './write-object.ts';

const KEY = 'token';
/** What the contract calls `access_token` never comes out again; this shows that there is one. */
const MASK = '********';

const CreateBody = z.strictObject({
  type: z.enum(['github', 'gitlab', 'bitbucket']),
  name: SingleLine.min(1).max(128).optional(),
  // What a header can carry: anything else was never a token of theirs.
  access_token: z
    .string()
    .min(1, 'must not be empty')
    .max(1_024)
    .regex(/^[\x21-\x7e]*$/, 'must be a token without spaces'),
});

type GitDeps = RestDeps & { forges: Readonly<Record<ForgeType, Forge>> };

/** The tag Git: accounts at forges. Each belongs to one person, and nobody else sees it. */
export function mountGitProviders(app: RestApp, deps: GitDeps): void {
  app.get('/git/providers', async (context) => {
    const own = await ownProviders(deps, context.get('identity'));
    return answer(context, own.map(providerBody));
  });

  app.post('/git/providers', async (context) => {
    const identity = context.get('identity');
    if (identity.scope === 'read') throw new RestError('forbidden', 'This token may only read.');
    const body = await readJson(context, CreateBody);
    const provider = await createProvider(context, deps, body);
    return answer(context, providerBody(provider), { code: 201, object: provider });
  });

  app.get('/git/providers/:providerId/repositories', async (context) => {
    const provider = await ownProvider(deps, context.get('identity'), context.req.param('providerId'));
    const token = await readToken(deps, provider);
    const { type, baseUrl } = provider.spec;
    const signal = AbortSignal.any([context.req.raw.signal, deps.closing]);
    const repositories = await deps.forges[type].repositories({ baseUrl, token }, signal);
    return answer(context, repositories.map(repositoryBody));
  });
}

/** The token goes into a Secret that goes with the account; when it cannot be kept there is no account either. */
async function createProvider(
  context: ApiContext,
  deps: GitDeps,
  { type, name: displayName, access_token: token }: z.output<typeof CreateBody>,
): Promise<GitProvider> {
  const name = `git-provider-${randomUUID()}`;
  const provider = await createObject(context, deps, GitProvider, {
    namespace: SYSTEM_NAMESPACE,
    name,
    spec: {
      ...(displayName !== undefined && { displayName }),
      type,
      user: ownerOf(context.get('identity')),
      tokenSecretRef: { name, key: KEY },
    },
  });
  try {
    const owner = { apiVersion: API_VERSION, kind: GitProvider.kind, name, uid: provider.metadata.uid };
    await createObject(context, deps, Secret, {
      namespace: SYSTEM_NAMESPACE,
      name,
      ownerReferences: [owner],
      spec: { data: { [KEY]: token } },
    });
  } catch (error) {
    await deleteObject(context, deps, GitProvider, provider);
    throw error;
  }
  return provider;
}

/** An account keeps what is its own whatever its address becomes. */
function ownerOf({ account, user }: Identity): string {
  return account?.id ?? user;
}

async function ownProviders({ store }: GitDeps, identity: Identity): Promise<GitProvider[]> {
  const owner = ownerOf(identity);
  const { items } = await store.list(GitProvider, { namespace: SYSTEM_NAMESPACE });
  return items
    .filter(({ spec, metadata }) => spec.user === owner && metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
}

async function ownProvider(deps: GitDeps, identity: Identity, id: string): Promise<GitProvider> {
  const found = (await ownProviders(deps, identity)).find(({ metadata }) => metadata.uid === id);
  if (!found) throw absent(GitProvider, id);
  return found;
}

async function readToken({ store, secrets }: GitDeps, { spec, metadata }: GitProvider): Promise<string> {
  const { name, key } = spec.tokenSecretRef;
  const secret = await store.get(Secret, { namespace: metadata.namespace, name });
  const stored = secret && storedValue(secret, key);
  const lost = `The access token for ${forgeNames[spec.type]} cannot be read any more. Add the account again.`;
  if (!stored?.ok) throw new RestError('conflict', lost);
  try {
    return secrets.open({ namespace: SYSTEM_NAMESPACE, name, key }, stored.encrypted);
  } catch (error) {
    if (isFault(error, 'Denied')) throw new RestError('conflict', lost);
    throw error;
  }
}

function providerBody({ metadata, spec }: GitProvider): object {
  return {
    id: metadata.uid,
    type: spec.type,
    name: spec.displayName ?? forgeNames[spec.type],
    access_token: MASK,
    created_at: metadata.creationTimestamp,
  };
}

function repositoryBody(repository: ForgeRepository): object {
  return {
    id: repository.id,
    name: repository.name,
    full_name: repository.fullName,
    description: repository.description,
    private: repository.isPrivate,
    default_branch: repository.defaultBranch,
    clone_url: repository.cloneUrl,
    web_url: repository.webUrl,
  };
}
