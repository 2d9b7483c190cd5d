import { ZodError, type z } from 'zod';
import { Fault, type FieldProblem } from '../errors.ts';
import type { ObjectKey } from './store.ts';

/** `Service "web" in namespace "shop"`, for messages. */
export function describeObject(kind: string, { namespace, name }: ObjectKey): string {
  return namespace === undefined ? `${kind} "${name}"` : `${kind} "${name}" in namespace "${namespace}"`;
}

/** For a write to what does not exist. */
export function notFound(kind: string, key: ObjectKey): Fault {
  return new Fault('NotFound', `There is no ${describeObject(kind, key)}.`);
}

/** For a write that relies on an older version. */
export function staleRead(kind: string, key: ObjectKey): Fault {
  const what = describeObject(kind, key);
  return new Fault(
    'Conflict',
    `${what} was changed by somebody else since it was read. Read it again and repeat the change.`,
  );
}

/** For a write that means an object which is gone, while another has its name. */
export function otherIncarnation(kind: string, key: ObjectKey): Fault {
  const what = describeObject(kind, key);
  return new Fault(
    'Conflict',
    `${what} is another object by now: the one that was read is gone and its name was used again.`,
  );
}

/** For a write of somebody who no longer leads. */
export function fenced(fence: bigint, epoch: bigint | undefined): Fault {
  const now = epoch === undefined ? 'nobody leads' : `the epoch is ${epoch} by now`;
  return new Fault('Fenced', `A write of leader epoch ${fence} was refused because ${now}. Nothing was changed.`);
}

/** Turns a ZodError into Invalid with its fields; anything else is thrown on. */
export function unreadable(error: unknown, what: string): Fault {
  if (!(error instanceof ZodError)) throw error;
  const fields = error.issues.map(fieldProblem);
  const details = fields.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new Fault('Invalid', `${what}: ${details}`, { fields, cause: error });
}

function fieldProblem({ path, message }: z.core.$ZodIssue): FieldProblem {
  const text = path.reduce<string>((before, step) => {
    if (typeof step === 'number') return `${before}[${step}]`;
    return before === '' ? String(step) : `${before}.${String(step)}`;
  }, '');
  return { path: text, message };
}
