import { Event } from '../crds/event.ts';
import type { Clock } from './clock.ts';
import { isFault } from './errors.ts';
import type { GarbageCollector } from './garbage-collector.ts';
import { keyOf } from './object-key.ts';
import type { PeriodicTask } from './periodic.ts';
import type { ResourceStore } from './store/store.ts';

const MINUTE_MS = 60_000;
/** Long enough for a client that was away to resume its watch; older watches list anew. */
const HISTORY = { keepMs: 15 * MINUTE_MS, keepChanges: 10_000 };
/** So that what happened in the night can be read in the morning. */
const KEEP_EVENTS_MS = 24 * 60 * MINUTE_MS;
const PAGE_SIZE = 500;
/** At most so many in one run, so that trimming does not crowd out anything else. */
const TRIM_AT_ONCE = 2_000;

interface MaintenanceOptions {
  store: Pick<ResourceStore, 'compact' | 'list' | 'delete'>;
  garbage: Pick<GarbageCollector, 'collect'>;
  clock: Clock;
  fence: () => bigint | undefined;
}

/** What keeps the store small: garbage every minute, history and events older than a day every five. */
export function maintenanceTasks({ store, garbage, clock, fence }: MaintenanceOptions): PeriodicTask[] {
  return [
    { name: 'remove what has lost its owners', everyMs: MINUTE_MS, run: () => garbage.collect() },
    { name: 'forget old changes', everyMs: 5 * MINUTE_MS, run: () => store.compact(HISTORY) },
    { name: 'remove old events', everyMs: 5 * MINUTE_MS, run: trimEvents },
  ];

  async function trimEvents(signal: AbortSignal): Promise<void> {
    const before = clock.now().getTime() - KEEP_EVENTS_MS;
    let left = TRIM_AT_ONCE;
    let next: string | undefined;
    do {
      const page = await store.list(Event, { limit: PAGE_SIZE, continue: next });
      const old = page.items.filter(({ spec }) => Date.parse(spec.lastTimestamp) < before);
      for (const event of old.slice(0, left)) {
        if (signal.aborted) return;
        await removeEvent(event);
      }
      left -= old.length;
      next = page.continue;
    } while (next !== undefined && left > 0);
  }

  async function removeEvent(event: Event): Promise<void> {
    const { resourceVersion } = event.metadata;
    const writer = { manager: 'controller/events', fence: fence() };
    await store.delete(Event, keyOf(event), writer, { resourceVersion }).catch((error: unknown) => {
      // It has just happened again, or is gone.
      if (!isFault(error, 'Conflict', 'NotFound')) throw error;
    });
  }
}
