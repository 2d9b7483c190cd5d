import { Fault, type FaultCode } from '../../../controller/errors.ts';

/**
 * What a Docker engine refused:
 * buildFailed         a step of the Dockerfile failed; `step` and `lines` say which and how
 * dockerfileNotFound  no Dockerfile at the path
 * imageNotFound       no such image here or in its registry
 * denied              the registry or the engine refused the credentials
 * unreachable         the engine, or the registry, does not answer
 * invalid             the request makes no sense to the engine: a bad name, a broken Dockerfile, a context too large
 * noSpace             the engine's disk is full
 * toolMissing         the build needs BuildKit, and the program for it is not installed on this host
 */
export type DockerMeaning =
  | 'buildFailed'
  | 'dockerfileNotFound'
  | 'imageNotFound'
  | 'denied'
  | 'unreachable'
  | 'invalid'
  | 'noSpace'
  | 'toolMissing';

const codes: Record<DockerMeaning, FaultCode> = {
  buildFailed: 'Invalid',
  dockerfileNotFound: 'Invalid',
  imageNotFound: 'NotFound',
  denied: 'Denied',
  unreachable: 'Unavailable',
  invalid: 'Invalid',
  noSpace: 'Exhausted',
  toolMissing: 'Unavailable',
};

interface DockerFaultOptions extends ErrorOptions {
  step?: string | undefined;
  lines?: readonly string[];
}

/** A refusal of a Docker engine, or no answer from it. */
export class DockerFault extends Fault {
  readonly meaning: DockerMeaning;
  /** The instruction that failed, as "Step 3/7 : RUN make". */
  readonly step: string | undefined;
  /** The last lines the failing step printed. */
  readonly lines: readonly string[];

  constructor(meaning: DockerMeaning, message: string, options: DockerFaultOptions = {}) {
    super(codes[meaning], message, options);
    this.name = 'DockerFault';
    this.meaning = meaning;
    this.step = options.step;
    this.lines = options.lines ?? [];
  }
}

export function isDockerFault(error: unknown, ...meanings: DockerMeaning[]): error is DockerFault {
  return error instanceof DockerFault && (meanings.length === 0 || meanings.includes(error.meaning));
}
