import { GitbeakerRequestError, Projects } from '@gitbeaker/rest';
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

const Project = z.object({
  id: z.int(),
  path: z.string(),
  path_with_namespace: z.string(),
  description: z.string().nullish(),
  visibility: z.string().nullish(),
  default_branch: z.string().nullish(),
  http_url_to_repo: z.string(),
  web_url: z.string(),
});

/** GitLab, also a self-hosted one. */
export const gitlab: Forge = {
  async repositories({ baseUrl, token }, signal) {
    const projects = new Projects({
      host: baseUrl?.replace(/\/+$/, '') ?? 'https://gitlab.com',
      // As a bearer token, which is dropped when an answer redirects to another host; a personal access token is taken so too.
      oauthToken: token,
      queryTimeout: FORGE_TIMEOUT_MS,
    });
    const stop = AbortSignal.any([signal, AbortSignal.timeout(FORGE_TIMEOUT_MS)]);
    try {
      const answer = await until(
        stop,
        projects.all({ membership: true, perPage: PAGE_SIZE, maxPages: MOST_REPOSITORIES / PAGE_SIZE }),
      );
      return z.array(Project).parse(answer).slice(0, MOST_REPOSITORIES).map(repositoryOf);
    } catch (error) {
      const response = error instanceof GitbeakerRequestError ? error.cause?.response : undefined;
      throw response
        ? faultOfStatus('gitlab', response.status, response.headers.get('retry-after'))
        : faultOfSilence('gitlab', error);
    }
  },
};

/** The library bounds each request, not all pages together. */
async function until<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([answer, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function repositoryOf(project: z.output<typeof Project>): ForgeRepository {
  return {
    id: String(project.id),
    name: project.path,
    fullName: project.path_with_namespace,
    description: project.description ?? '',
    isPrivate: project.visibility !== 'public',
    defaultBranch: project.default_branch ?? '',
    cloneUrl: project.http_url_to_repo,
    webUrl: project.web_url,
  };
}
