import { setTimeout as pause } from 'node:timers/promises';
import type { WatchEvent } from './client.ts';
import { CliError } from './exit.ts';

/** What was there when the following began, or began anew; then each change. */
export type Followed<Listed, Item> =
  | { type: 'LIST'; listed: Listed }
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: Item };

interface Versioned {
  metadata: { resourceVersion?: string };
}

interface Source<Listed, Item> {
  list(signal: AbortSignal): Promise<Listed>;
  watch(since: string, signal: AbortSignal): AsyncGenerator<WatchEvent<Item>>;
}

const AGAIN_MS = 500;

/**
 * Follows a list until the signal aborts. A watch that ends is taken up where it ended; one that cannot be, because the
 * server went away or forgot, begins with a list again. Throws only what asking again does not help against.
 */
export async function* follow<Listed extends Versioned, Item extends Versioned>(
  source: Source<Listed, Item>,
  signal: AbortSignal,
): AsyncGenerator<Followed<Listed, Item>> {
  let since: string | undefined;
  let hasAnswered = false;
  while (!signal.aborted) {
    try {
      if (since === undefined) {
        const listed = await source.list(signal);
        since = listed.metadata.resourceVersion ?? '';
        hasAnswered = true;
        yield { type: 'LIST', listed };
      }
      for await (const { type, object } of source.watch(since, signal)) {
        if (type === 'ERROR') {
          since = undefined;
          break;
        }
        since = object.metadata.resourceVersion ?? since;
        if (type !== 'BOOKMARK') yield { type, object };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!hasAnswered || !(error instanceof CliError) || error.exit !== 'server') throw error;
      since = undefined;
    }
    await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}
