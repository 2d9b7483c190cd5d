import { API_VERSION, type ManagedFields } from '../../crds/meta.ts';

/** More writers than this are not told apart: the ones not seen for longest are forgotten. */
const MOST_MANAGERS = 32;

/** Notes that `manager` wrote now: one entry for each manager and subresource, the newest last. */
export function recordManager(
  entries: readonly ManagedFields[] | undefined,
  { manager, now }: { manager: string; now: Date },
  subresource?: 'status',
): ManagedFields[] {
  const name = manager.slice(0, 128);
  const others = (entries ?? []).filter((entry) => entry.manager !== name || entry.subresource !== subresource);
  const entry: ManagedFields = {
    manager: name,
    operation: 'Update',
    apiVersion: API_VERSION,
    time: now.toISOString(),
    ...(subresource && { subresource }),
  };
  return [...others, entry].slice(-MOST_MANAGERS);
}
