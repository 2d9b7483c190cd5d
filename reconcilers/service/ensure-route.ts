import { Route } from '../../crds/route.ts';
import type { Service } from '../../crds/service.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { Resources } from '../../controller/reconciler.ts';
import { stableHash } from '../shared/stable-hash.ts';
import { routeOf } from './child-manifests.ts';

/** Keeps the Route of a service as the spec has it: made, changed, or removed. Looks before it touches. */
export async function ensureRoute(service: Service, { read, write }: Resources): Promise<void> {
  const { namespace, name, uid } = service.metadata;
  const wanted = routeOf(service);
  const route = read.get(Route, { namespace, name });
  const isOurs = route !== undefined && controllerOf(route)?.uid === uid;
  if (!wanted) {
    if (isOurs && route.metadata.deletionTimestamp === undefined) await write.delete(Route, route);
    return;
  }
  // One that is just leaving wakes us when it is gone.
  if (route?.metadata.deletionTimestamp !== undefined) return;
  if (!isOurs) await write.create(Route, wanted);
  else if (stableHash(route.spec) !== stableHash(wanted.spec))
    await write.update(Route, { ...route, spec: wanted.spec });
}
