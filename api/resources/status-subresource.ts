import { ZodError } from 'zod';
import type { CommonStatus, Resource } from '../../crds/define-kind.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import { describeObject, staleRead, unreadable } from '../../controller/store/refusals.ts';
import type { ApiContext } from '../context.ts';
import { fieldOf } from '../../controller/json.ts';
import { Refused } from '../status.ts';
import { manifestFormat, readBody } from './body.ts';
import type { ResourceDeps } from './deps.ts';
import { readChange } from './patch.ts';
import { readWriteQuery } from './query.ts';
import { findObject, respondObject } from './read.ts';
import type { Target } from './target.ts';
import { retryConflicts } from './write.ts';
import { writerOf } from './writer.ts';

/** Replaces the status of an object, and nothing else. */
export async function replaceStatus(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const body = await readBody(context.req.raw, manifestFormat(context.req.raw));
  return changeStatus(context, deps, target, () => body);
}

/** Patches the status of an object, and nothing else. */
export async function patchStatus(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  return changeStatus(context, deps, target, await readChange(context, target));
}

async function changeStatus(
  context: ApiContext,
  deps: ResourceDeps,
  target: Target,
  change: (base: Resource) => unknown,
): Promise<Response> {
  const { dryRun, ...query } = readWriteQuery(context);
  const changed = await retryConflicts(async () => {
    const existing = await findObject(deps.store, target);
    const written = change(existing);
    const version = fieldOf(fieldOf(written, 'metadata'), 'resourceVersion');
    if (typeof version === 'string' && version !== '' && version !== existing.metadata.resourceVersion) {
      throw new Refused('Conflict', staleRead(existing.kind, existing.metadata).message);
    }
    const status = readStatus(target.kind, existing, fieldOf(written, 'status'));
    return deps.store.updateStatus(target.kind, { ...existing, status }, writerOf(context, query), { dryRun });
  });
  return respondObject(context, deps, target.kind, changed);
}

function readStatus({ statusSchema }: AnyKind, { kind, metadata }: Resource, status: unknown): CommonStatus {
  try {
    return statusSchema.parse(status ?? {});
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    const issues = error.issues.map((issue) => ({ ...issue, path: ['status', ...issue.path] }));
    throw unreadable(new ZodError(issues), `The status of ${describeObject(kind, metadata)} is not valid`);
  }
}
