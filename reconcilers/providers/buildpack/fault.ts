import { Fault, type FaultCode } from '../../../controller/errors.ts';

/**
 * Why a build program made no plan:
 * missing  it is not installed
 * failed   it does not know how to build the source; its own words are in the message
 * late     it did not end in time
 */
export type BuildpackMeaning = 'missing' | 'failed' | 'late';

const codes: Record<BuildpackMeaning, FaultCode> = { missing: 'Unavailable', failed: 'Invalid', late: 'Unavailable' };

/** A build program that gave no plan. */
export class BuildpackFault extends Fault {
  readonly meaning: BuildpackMeaning;

  constructor(meaning: BuildpackMeaning, message: string, options: ErrorOptions = {}) {
    super(codes[meaning], message, options);
    this.name = 'BuildpackFault';
    this.meaning = meaning;
  }
}

export function isBuildpackFault(error: unknown, ...meanings: BuildpackMeaning[]): error is BuildpackFault {
  return error instanceof BuildpackFault && (meanings.length === 0 || meanings.includes(error.meaning));
}
