import { Octokit, RequestError } from 'octokit';
import { z } from 'zod';
import {
  FORGE_TIMEOUT_MS,
  MOST_REPOSITORIES,
  PAGE_SIZE,
  faultOfSilence,
  faultOfStatus,
  type Forge,
  type ForgeRepository,
} from './forge.ts';

const Repository = z.object({
  id: z.int(),
  name: z.string(),
  full_name: z.string(),
  description: z.string().nullish(),
  private: z.boolean(),
  default_branch: z.string().nullish(),
  clone_url: z.string(),
  html_url: z.string(),
});

/** GitHub, or a GitHub Enterprise Server whose base URL ends with `/api/v3`. */
export const github: Forge = {
  async repositories({ baseUrl, token }, signal) {
    const octokit = new Octokit({
      auth: token,
      ...(baseUrl !== undefined && { baseUrl: baseUrl.replace(/\/+$/, '') }),
      request: { signal: AbortSignal.any([signal, AbortSignal.timeout(FORGE_TIMEOUT_MS)]) },
      // Someone waits for the answer: what fails is said at once.
      retry: { enabled: false },
      throttle: { enabled: false },
      log: silent,
    });
    const found: ForgeRepository[] = [];
    try {
      const pages = octokit.paginate.iterator(octokit.rest.repos.listForAuthenticatedUser, {
        per_page: PAGE_SIZE,
      });
      for await (const { data } of pages) {
        found.push(...z.array(Repository).parse(data).map(repositoryOf));
        if (found.length >= MOST_REPOSITORIES) break;
      }
    } catch (error) {
      throw error instanceof RequestError && error.response !== undefined
        ? faultOf(error, error.response.headers)
        : faultOfSilence('github', error);
    }
    return found.slice(0, MOST_REPOSITORIES);
  },
};

const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function nothing(): void {}

/** A used up rate limit is a 403 here too. */
function faultOf(error: RequestError, headers: Record<string, string | number | undefined>): Error {
  const isLimited = error.status === 403 && String(headers['x-ratelimit-remaining']) === '0';
  const retryAfter = headers['retry-after'];
  return faultOfStatus(
    'github',
    isLimited ? 429 : error.status,
    retryAfter === undefined ? undefined : String(retryAfter),
  );
}

function repositoryOf(repository: z.output<typeof Repository>): ForgeRepository {
  return {
    id: String(repository.id),
    name: repository.name,
    fullName: repository.full_name,
    description: repository.description ?? '',
    isPrivate: repository.private,
    defaultBranch: repository.default_branch ?? '',
    cloneUrl: repository.clone_url,
    webUrl: repository.html_url,
  };
}
