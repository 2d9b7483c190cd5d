import type { z } from 'zod';

/** A list whose items are known by a field of theirs: who applies one of them leaves those of others alone. No two are alike in it. */
export function mergedByKey<T extends z.ZodType>(list: T, key: string): T {
  return list.meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

/** An object that belongs to one manager as a whole, because its fields make no sense apart. */
export function ownedWhole<T extends z.ZodType>(object: T): T {
  return object.meta({ 'x-kubernetes-map-type': 'atomic' });
}
