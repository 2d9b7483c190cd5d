import { Fault, type FaultCode } from '../../../controller/errors.ts';

/** What Proxmox meant by a refusal. Read from its status and texts in `refusals.ts` and nowhere else. */
export type ProxmoxMeaning =
  | 'absent'
  | 'exists'
  | 'locked'
  | 'busy'
  | 'modified'
  | 'running'
  | 'notRunning'
  | 'protected'
  | 'forbidden'
  | 'unauthenticated'
  | 'noQuorum'
  | 'nodeUnreachable'
  | 'storageFull'
  | 'backupLimit'
  | 'invalid'
  | 'certificate'
  | 'noAnswer'
  | 'other';

const codes: Record<ProxmoxMeaning, FaultCode> = {
  absent: 'NotFound',
  exists: 'AlreadyExists',
  locked: 'Conflict',
  busy: 'Conflict',
  modified: 'Conflict',
  running: 'Conflict',
  notRunning: 'Conflict',
  protected: 'Invalid',
  forbidden: 'Denied',
  unauthenticated: 'Denied',
  noQuorum: 'Unavailable',
  nodeUnreachable: 'Unavailable',
  storageFull: 'Exhausted',
  backupLimit: 'Exhausted',
  invalid: 'Invalid',
  certificate: 'Denied',
  noAnswer: 'Unavailable',
  other: 'Unavailable',
};

interface ProxmoxFaultOptions extends ErrorOptions {
  /** Name of the config lock, for `locked`. */
  lock?: string;
  /** Path and privileges, for `forbidden`: "/vms/100, VM.Audit". */
  missing?: string;
}

/** A refusal of Proxmox, or no answer from it. */
export class ProxmoxFault extends Fault {
  readonly meaning: ProxmoxMeaning;
  readonly lock: string | undefined;
  readonly missing: string | undefined;

  constructor(meaning: ProxmoxMeaning, message: string, options: ProxmoxFaultOptions = {}) {
    super(codes[meaning], message, options);
    this.name = 'ProxmoxFault';
    this.meaning = meaning;
    this.lock = options.lock;
    this.missing = options.missing;
  }
}

export function isProxmoxFault(error: unknown, ...meanings: ProxmoxMeaning[]): error is ProxmoxFault {
  return error instanceof ProxmoxFault && (meanings.length === 0 || meanings.includes(error.meaning));
}
