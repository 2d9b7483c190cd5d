import { Fault } from '../../controller/errors.ts';

/** The forges whose repositories can be listed. */
export type ForgeType = 'github' | 'gitlab' | 'bitbucket';

/** One repository, in the words that all forges share. */
export interface ForgeRepository {
  id: string;
  name: string;
  /** With its owner or group. */
  fullName: string;
  description: string;
  isPrivate: boolean;
  /** Empty for a repository without a commit. */
  defaultBranch: string;
  /** For Git over HTTPS, without credentials. */
  cloneUrl: string;
  webUrl: string;
}

/** How to reach a forge, on whose behalf. */
export interface ForgeAccess {
  /** Of a self-hosted forge; without it, the public one. */
  baseUrl: string | undefined;
  token: string;
}

/** Reads from a forge. */
export interface Forge {
  /**
   * The repositories that the token's owner is a member of, all pages of them up to 1,000. Denied when the forge refuses the
   * token, Throttled when it asks for fewer requests, Unavailable when it gives no usable answer within 15 seconds.
   */
  repositories(access: ForgeAccess, signal: AbortSignal): Promise<ForgeRepository[]>;
}

export const MOST_REPOSITORIES = 1_000;
export const PAGE_SIZE = 100;
/** Of the whole answer, so that a forge which hangs holds nobody up. */
export const FORGE_TIMEOUT_MS = 15_000;

/** The names by which people know the forges. */
export const forgeNames: Readonly<Record<ForgeType, string>> = {
  github: 'GitHub',
  gitlab: 'GitLab',
  bitbucket: 'Bitbucket',
};

/** What an answer with this status means. `retryAfter` is the header of that name, in seconds. */
export function faultOfStatus(forge: ForgeType, status: number, retryAfter: string | null | undefined): Fault {
  const name = forgeNames[forge];
  if (status === 401 || status === 403) {
    return new Fault('Denied', `${name} refused the access token. Check that it is valid and may read repositories.`);
  }
  if (status === 429) {
    const seconds = Number(retryAfter);
    return new Fault(
      'Throttled',
      `${name} asks for fewer requests. Try again later.`,
      Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {},
    );
  }
  return new Fault('Unavailable', `${name} answered with status ${status}. Try again later.`);
}

/** No answer, or one that is none. The cause stays in the log. */
export function faultOfSilence(forge: ForgeType, cause: unknown): Fault {
  return new Fault(
    'Unavailable',
    `${forgeNames[forge]} does not answer as it should. Check its address and that it is up, then try again.`,
    { cause },
  );
}
