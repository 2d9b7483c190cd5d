import type { Reason } from '../../crds/reasons.ts';

/** Why a repository gives nothing that could be applied. The message says where, and what to do. */
export interface SourceProblem {
  reason: Extract<
    Reason,
    | 'SourceNotFound'
    | 'SourceDenied'
    | 'SourceTooLarge'
    | 'SourceNotAllowed'
    | 'SourceUnavailable'
    | 'SourceEmpty'
    | 'SecretNotFound'
    | 'SecretUnreadable'
    | 'ManifestInvalid'
  >;
  message: string;
}

/** The first of what is wrong, and how much more there is: a condition is read by people. */
export function listed(problems: readonly string[], most = 10): string {
  const more = problems.length - most;
  return [...problems.slice(0, most), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
