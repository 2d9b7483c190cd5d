import { z } from 'zod';
import { Fault, type FaultCode } from '../../errors.ts';

const Cause = z.object({
  reason: z.string().default(''),
  message: z.string().default(''),
  field: z.string().default(''),
});
const Status = z.object({
  kind: z.literal('Status'),
  message: z.string().default(''),
  reason: z.string().default(''),
  code: z.int().default(0),
  details: z
    .object({ retryAfterSeconds: z.number().optional(), causes: z.array(Cause).default([]) })
    .default({ causes: [] }),
});

/** What an answer of the API server that is no success means. Its own words are kept. */
export function faultOf(code: number, answer: string, what: string): Fault {
  const status = Status.safeParse(jsonOf(answer)).data;
  if (status) return faultOfStatus({ ...status, code: status.code || code }, what);
  if (code === 404) {
    return new Fault(
      'Unavailable',
      `The Kubernetes API does not know ${what}. Install Containr's CRDs: kubectl apply -k manifests/install/kubernetes.`,
    );
  }
  return new Fault(codeOf(code), `The Kubernetes API answered ${what} with ${code}: ${answer.slice(0, 200)}`);
}

/** What a Status in a watch means; undefined for what is none. */
export function faultOfEvent(object: unknown, what: string): Fault | undefined {
  const status = Status.safeParse(object).data;
  return status && faultOfStatus(status, what);
}

function faultOfStatus({ code, reason, message, details }: z.output<typeof Status>, what: string): Fault {
  const { causes, retryAfterSeconds } = details;
  const words = message === '' ? `The Kubernetes API refused ${what}: ${reason || code}.` : message;
  const fields = causes
    .filter(({ field }) => field !== '')
    .map((cause) => ({ path: cause.field, message: cause.message }));
  const options = { fields, ...(retryAfterSeconds !== undefined && { retryAfterMs: retryAfterSeconds * 1_000 }) };
  const because = (word: string) => reason === word || causes.some((cause) => cause.reason === word);
  if (because('AlreadyExists')) return new Fault('AlreadyExists', words, options);
  // A version that never was, as after a restored backup; and a namespace on its way out, where nothing new may come.
  if (because('ResourceVersionTooLarge')) return new Fault('Expired', words, options);
  if (because('NamespaceTerminating')) return new Fault('Conflict', words, options);
  return new Fault(codeOf(code), words, options);
}

function codeOf(code: number): FaultCode {
  switch (code) {
    case 401:
    case 403:
      return 'Denied';
    case 404:
      return 'NotFound';
    case 409:
      return 'Conflict';
    case 410:
      return 'Expired';
    case 429:
      return 'Throttled';
    case 507:
      return 'Exhausted';
    default:
      return code >= 400 && code < 500 ? 'Invalid' : 'Unavailable';
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
