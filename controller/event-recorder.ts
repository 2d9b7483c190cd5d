import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Resource } from '../crds/define-kind.ts';
import { Event } from '../crds/event.ts';
import { API_VERSION, SYSTEM_NAMESPACE } from '../crds/meta.ts';
import type { Reason } from '../crds/reasons.ts';
import type { Clock } from './clock.ts';
import { isFault } from './errors.ts';
import { EventBudget } from './event-budget.ts';
import { sleep } from './sleep.ts';
import type { ResourceStore, Writer } from './store/store.ts';

const MOST_WAITING = 1_000;
const MOST_TRIES = 5;
const TRY_AGAIN_MS = 5_000;

interface EventRecorderOptions {
  store: Pick<ResourceStore, 'get' | 'create' | 'update'>;
  clock: Clock;
  log: Logger;
  /** The leader's token. Throws Fenced when this process does not lead. */
  fence: () => bigint | undefined;
  /** Takes secrets out of messages. */
  redact?: (text: string) => string;
}

interface Happening {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Omit<Event['spec'], 'count' | 'firstTimestamp' | 'lastTimestamp'>;
  count: number;
  first: Date;
  last: Date;
  tries: number;
}

/**
 * Writes what happened to objects as Events: the same words about the same object are one Event with a count. Recording
 * returns at once and never fails; what cannot be written after some tries, or is too much, is dropped.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #budget: EventBudget;
  readonly #waiting = new Map<string, Happening>();
  #writing: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#budget = new EventBudget(options.clock);
  }

  record(regarding: Resource, type: Event['spec']['type'], reason: Reason, message: string): void {
    const { clock, redact = (text: string) => text } = this.#options;
    const { namespace, name, uid } = regarding.metadata;
    if (!this.#budget.spend(uid)) return;
    const words = redact(message).slice(0, 2_048);
    const spec: Happening['spec'] = {
      regarding: { kind: regarding.kind, name, uid, ...(namespace !== undefined && { namespace }) },
      type,
      reason,
      message: words,
    };
    const now = clock.now();
    this.#await({
      namespace: namespace ?? SYSTEM_NAMESPACE,
      name: eventName(name, uid, type, reason, words),
      spec,
      count: 1,
      first: now,
      last: now,
      tries: 0,
    });
    this.#begin();
  }

  /** Resolves when everything recorded so far is written or dropped. */
  async flushed(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  #begin(): void {
    if (this.#waiting.size === 0) return;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      this.#begin();
    });
  }

  /** Adds to what waits to be written: to the same event if that waits too. */
  #await(happening: Happening): void {
    const text = `${happening.namespace}/${happening.name}`;
    const same = this.#waiting.get(text);
    if (same) {
      same.count += happening.count;
      same.first = happening.first < same.first ? happening.first : same.first;
      same.last = happening.last > same.last ? happening.last : same.last;
      return;
    }
    if (this.#waiting.size >= MOST_WAITING) {
      if (this.#dropped++ % MOST_WAITING === 0) {
        this.#options.log.warn('Events happen faster than they can be written; some are dropped.');
      }
      return;
    }
    this.#waiting.set(text, happening);
  }

  async #write(): Promise<void> {
    for (const [text, happening] of this.#waiting) {
      this.#waiting.delete(text);
      try {
        await this.#writeOne(happening);
      } catch (error) {
        await this.#putBack(happening, error);
      }
    }
  }

  async #putBack(happening: Happening, error: unknown): Promise<void> {
    const { clock, log } = this.#options;
    if (isFault(error, 'Fenced')) return;
    happening.tries += 1;
    if (happening.tries >= MOST_TRIES) {
      const { regarding, reason } = happening.spec;
      log.warn({ err: error, ...regarding, reason }, 'An event could not be written and is dropped.');
      return;
    }
    this.#await(happening);
    if (!isFault(error, 'Conflict', 'AlreadyExists')) await sleep(clock, TRY_AGAIN_MS);
  }

  async #writeOne({ namespace, name, spec, count, first, last }: Happening): Promise<void> {
    const { store, fence } = this.#options;
    const writer: Writer = { manager: 'controller/events', fence: fence() };
    const lastTimestamp = last.toISOString();
    const known = await store.get(Event, { namespace, name });
    if (known) {
      const counted = { ...known.spec, count: known.spec.count + count, lastTimestamp };
      await store.update(Event, { ...known, spec: counted }, writer);
      return;
    }
    const metadata = { namespace, name };
    const counted = { ...spec, count, firstTimestamp: first.toISOString(), lastTimestamp };
    await store.create(Event, { apiVersion: API_VERSION, kind: Event.kind, metadata, spec: counted }, writer);
  }
}

/** The same for the same words about the same object, in this process and the next. */
function eventName(object: string, ...words: string[]): string {
  const digest = createHash('sha256').update(words.join('\n')).digest('hex').slice(0, 16);
  return `${object.slice(0, 200).replace(/[.-]+$/, '')}.${digest}`;
}
