import { z } from 'zod';
import { Fault } from '../../controller/errors.ts';
import {
  FORGE_TIMEOUT_MS,
  MOST_REPOSITORIES,
  PAGE_SIZE,
  faultOfSilence,
  faultOfStatus,
  type Forge,
  type ForgeRepository,
} from './forge.ts';

const Link = z.object({ href: z.string(), name: z.string().optional() });
const Repository = z.object({
  uuid: z.string(),
  name: z.string(),
  full_name: z.string(),
  description: z.string().nullish(),
  is_private: z.boolean(),
  mainbranch: z.object({ name: z.string() }).nullish(),
  links: z.object({ clone: z.array(Link), html: Link }),
});
const Page = z.object({ values: z.array(Repository), next: z.string().optional() });

/** Bitbucket Cloud, or what speaks its API 2.0. */
export const bitbucket: Forge = {
  async repositories({ baseUrl = 'https://api.bitbucket.org', token }, signal) {
    const stop = AbortSignal.any([signal, AbortSignal.timeout(FORGE_TIMEOUT_MS)]);
    const base = baseUrl.replace(/\/+$/, '');
    const { origin } = new URL(base);
    const found: ForgeRepository[] = [];
    let url: string | undefined = `${base}/2.0/repositories?role=member&pagelen=${PAGE_SIZE}`;
    while (url !== undefined && found.length < MOST_REPOSITORIES) {
      const page: z.output<typeof Page> = await readPage(url, token, stop);
      found.push(...page.values.map(repositoryOf));
      // The token goes to nobody else, whatever an answer says.
      if (page.next !== undefined && new URL(page.next, base).origin !== origin) {
        throw new Fault('Unavailable', 'Bitbucket named a next page on another host; it was not asked for.');
      }
      url = page.next;
    }
    return found.slice(0, MOST_REPOSITORIES);
  },
};

async function readPage(url: string, token: string, signal: AbortSignal): Promise<z.output<typeof Page>> {
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      redirect: 'error',
      signal,
    });
    if (response.ok) return Page.parse(await response.json());
    await response.body?.cancel();
    throw faultOfStatus('bitbucket', response.status, response.headers.get('retry-after'));
  } catch (error) {
    throw error instanceof Fault ? error : faultOfSilence('bitbucket', error);
  }
}

function repositoryOf(repository: z.output<typeof Repository>): ForgeRepository {
  const clone = repository.links.clone.find(({ name }) => name === 'https') ?? repository.links.clone[0];
  return {
    id: repository.uuid,
    name: repository.name,
    fullName: repository.full_name,
    description: repository.description ?? '',
    isPrivate: repository.is_private,
    defaultBranch: repository.mainbranch?.name ?? '',
    cloneUrl: withoutUser(clone?.href ?? ''),
    webUrl: repository.links.html.href,
  };
}

/** Clone links name the user who asked. */
function withoutUser(href: string): string {
  if (!URL.canParse(href)) return href;
  const url = new URL(href);
  url.username = '';
  url.password = '';
  return url.href;
}
