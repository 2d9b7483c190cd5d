import type { Reason } from '../../crds/reasons.ts';
import type { GitMeaning } from '../providers/git/fault.ts';

/** Why a repository cannot be followed, in a word for conditions. */
export const sourceReasons = {
  notFound: 'SourceNotFound',
  refNotFound: 'SourceNotFound',
  denied: 'SourceDenied',
  notAllowed: 'SourceNotAllowed',
  tooLarge: 'SourceTooLarge',
  unavailable: 'SourceUnavailable',
} as const satisfies Record<GitMeaning, Reason>;
