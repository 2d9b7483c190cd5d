import { Fault, type FaultCode } from '../../../controller/errors.ts';

/**
 * What a repository, or our own rules about repositories, refused:
 * notFound     no repository there, or none that these credentials may see
 * refNotFound  the repository has no such branch or commit, or has no commit at all
 * denied       the credentials were refused, or some are needed
 * notAllowed   our rules forbid this URL, name or path
 * tooLarge     more bytes than a checkout may have
 * unavailable  no usable answer; trying again may help
 */
export type GitMeaning = 'notFound' | 'refNotFound' | 'denied' | 'notAllowed' | 'tooLarge' | 'unavailable';

const codes: Record<GitMeaning, FaultCode> = {
  notFound: 'NotFound',
  refNotFound: 'NotFound',
  denied: 'Denied',
  notAllowed: 'Invalid',
  tooLarge: 'Invalid',
  unavailable: 'Unavailable',
};

/** A refusal of a Git repository, or no answer from it. */
export class GitFault extends Fault {
  readonly meaning: GitMeaning;

  constructor(meaning: GitMeaning, message: string, options: ErrorOptions = {}) {
    super(codes[meaning], message, options);
    this.name = 'GitFault';
    this.meaning = meaning;
  }
}

export function isGitFault(error: unknown, ...meanings: GitMeaning[]): error is GitFault {
  return error instanceof GitFault && (meanings.length === 0 || meanings.includes(error.meaning));
}
