import { Fault, type FaultCode } from '../../../controller/errors.ts';

/**
 * What an object storage refused, or did not do:
 * unreachable  no usable answer; trying again may help
 * denied       the login was refused, or may not do this
 * noBucket     there is no such bucket
 * absent       there is no such object
 * elsewhere    it names another server, which is not followed: the signature, and what is sent, are for this one
 * full         it takes no more
 * tooLarge     an upload has more parts than one may have
 * damaged      what is there is not what was sent
 * refused      it says that the request is wrong
 */
export type StorageMeaning =
  | 'unreachable'
  | 'denied'
  | 'noBucket'
  | 'absent'
  | 'elsewhere'
  | 'full'
  | 'tooLarge'
  | 'damaged'
  | 'refused';

const codes: Record<StorageMeaning, FaultCode> = {
  unreachable: 'Unavailable',
  denied: 'Denied',
  noBucket: 'NotFound',
  absent: 'NotFound',
  elsewhere: 'Invalid',
  full: 'Exhausted',
  tooLarge: 'Invalid',
  damaged: 'Unavailable',
  refused: 'Invalid',
};

/** A refusal of an object storage, or no answer from it. The message never has a login, a signature or a query in it. */
export class StorageFault extends Fault {
  readonly meaning: StorageMeaning;

  constructor(meaning: StorageMeaning, message: string, options: ErrorOptions = {}) {
    super(codes[meaning], message, options);
    this.name = 'StorageFault';
    this.meaning = meaning;
  }
}

export function isStorageFault(error: unknown, ...meanings: StorageMeaning[]): error is StorageFault {
  return error instanceof StorageFault && (meanings.length === 0 || meanings.includes(error.meaning));
}
