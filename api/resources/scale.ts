import { z } from 'zod';
import type { Resource } from '../../crds/define-kind.ts';
import { SERVICE_LABEL } from '../../crds/meta.ts';
import { Service } from '../../crds/service.ts';
import { shownMetadata } from '../../controller/apply/field-records.ts';
import type { ApiContext } from '../context.ts';
import { respond } from '../respond.ts';
import { Refused } from '../status.ts';
import { manifestFormat, readBody } from './body.ts';
import type { ResourceDeps } from './deps.ts';
import { readChange } from './patch.ts';
import { readWriteQuery } from './query.ts';
import { findObject } from './read.ts';
import type { Target } from './target.ts';
import { retryConflicts, storeChanged } from './write.ts';
import { writerOf } from './writer.ts';

/** Answers how many guests a Service asks for, as a `Scale` of Kubernetes: what `kubectl scale` and autoscalers read. */
export async function getScale(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  return respond(context, scaleOf(await findObject(deps.store, target)));
}

/** Asks for the number of guests that the Scale in the body says. */
export async function replaceScale(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  const body = await readBody(context.req.raw, manifestFormat(context.req.raw));
  return changeScale(context, deps, target, () => body);
}

/** Asks for the number of guests that a merge or JSON patch of the Scale comes to. */
export async function patchScale(context: ApiContext, deps: ResourceDeps, target: Target): Promise<Response> {
  return changeScale(context, deps, target, await readChange(context, target));
}

const WrittenScale = z.object({
  metadata: z.object({ resourceVersion: z.string().optional() }).default({}),
  // Without a number it is 0 to Kubernetes, which leaves it out of its JSON.
  spec: z.object({ replicas: z.int().min(0).default(0) }),
});

async function changeScale(
  context: ApiContext,
  deps: ResourceDeps,
  target: Target,
  change: (scale: object) => unknown,
): Promise<Response> {
  const { kind } = target;
  const { dryRun, ...query } = readWriteQuery(context);
  const by = { writer: writerOf(context, query), identity: context.get('identity'), dryRun };
  const changed = await retryConflicts(async () => {
    const existing = await findObject(deps.store, target);
    const written = WrittenScale.safeParse(change(scaleOf(existing)));
    if (!written.success)
      throw new Refused('Invalid', 'A Scale has spec.replicas, a whole number that is not below 0.', {
        causes: [
          { reason: 'FieldValueInvalid', message: 'must be a whole number, at least 0', field: 'spec.replicas' },
        ],
      });
    const { metadata, spec } = written.data;
    const raw = {
      ...existing,
      metadata: { ...shownMetadata(existing.metadata), resourceVersion: metadata.resourceVersion ?? '' },
      spec: { ...Service.read(existing).spec, replicas: spec.replicas },
    };
    return storeChanged(deps, { kind, existing, changed: { raw } }, by);
  });
  return respond(context, scaleOf(changed));
}

function scaleOf(object: Resource): object {
  const { spec, status } = Service.read(object);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec.replicas },
    status: { replicas: status.replicas?.ready ?? 0, selector: `${SERVICE_LABEL}=${name}` },
  };
}
