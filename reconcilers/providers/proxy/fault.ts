import { Fault, type FaultCode } from '../../../controller/errors.ts';

/**
 * What a proxy refused:
 * unreachable  its admin API does not answer
 * changed      somebody else changed what was about to be changed; it has to be read again
 * refused      it does not take this configuration; the one before goes on serving
 * invalid      what was asked for cannot be a route, and was not sent
 */
export type ProxyMeaning = 'unreachable' | 'changed' | 'refused' | 'invalid';

const codes: Record<ProxyMeaning, FaultCode> = {
  unreachable: 'Unavailable',
  changed: 'Conflict',
  refused: 'Invalid',
  invalid: 'Invalid',
};

/** A refusal of a proxy, or no answer from it. */
export class ProxyFault extends Fault {
  readonly meaning: ProxyMeaning;

  constructor(meaning: ProxyMeaning, message: string, options: ErrorOptions = {}) {
    super(codes[meaning], message, options);
    this.name = 'ProxyFault';
    this.meaning = meaning;
  }
}

export function isProxyFault(error: unknown, ...meanings: ProxyMeaning[]): error is ProxyFault {
  return error instanceof ProxyFault && (meanings.length === 0 || meanings.includes(error.meaning));
}
