import type { Logger } from 'pino';
import type { Kind, Resource } from '../crds/define-kind.ts';
import type { Reason } from '../crds/reasons.ts';
import { cloneJson } from './clone-json.ts';
import { announceWork } from './conclude.ts';
import { observeOnlyFault, type Observing } from './observe-only.ts';
import type { Pass } from './reconciler.ts';
import type { LoopWriter } from './resources.ts';
import { sameJson } from './same-json.ts';

/** Tells people what happened to an object. Returns at once and never fails. */
export type RecordEvent = (regarding: Resource, type: 'Normal' | 'Warning', reason: Reason, message: string) => void;

interface PassOptions<R extends Resource> {
  kind: Kind<R>;
  resource: R;
  now: Date;
  signal: AbortSignal;
  log: Logger;
  writer: LoopWriter;
  recordEvent: RecordEvent;
  /** Takes secrets out of what people will read. */
  redact: (text: string) => string;
  observing: Observing;
}

/** A pass under way, and what it has written so far. */
export class RunningPass<R extends Resource> implements Pass<R> {
  readonly resource: R;
  status: R['status'];
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly #options: PassOptions<R>;
  #stored: R;

  constructor(options: PassOptions<R>) {
    this.resource = options.resource;
    this.status = cloneJson(options.resource.status);
    this.now = options.now;
    this.signal = options.signal;
    this.log = options.log;
    this.#options = options;
    this.#stored = options.resource;
  }

  /** The object as it is stored now, as far as this pass knows. */
  get stored(): R {
    return this.#stored;
  }

  /** A choice that is saved is acted on next: while nothing may be, neither is it made. */
  async checkpoint(): Promise<void> {
    const observeOnly = this.#options.observing();
    if (observeOnly) throw observeOnlyFault(observeOnly);
    const { generation } = this.resource.metadata;
    await this.save(announceWork<R['status']>(this.status, { generation, now: this.now }));
  }

  /** What of a draft may be stored: while nothing may be changed, what people read, and nothing that decides. */
  storable(status: R['status']): R['status'] {
    if (!this.#options.observing()) return status;
    return { ...this.#stored.status, conditions: status.conditions };
  }

  /** Writes the status unless it is stored already. */
  async save(status: R['status']): Promise<void> {
    const { kind, writer, redact } = this.#options;
    const conditions = status.conditions.map((condition) => ({ ...condition, message: redact(condition.message) }));
    const draft = { ...cloneJson(status), conditions };
    if (sameJson(draft, this.#stored.status)) return;
    this.#stored = await writer.updateStatus<R>(kind, { ...this.#stored, status: draft });
  }

  event(type: 'Normal' | 'Warning', reason: Reason, message: string): void {
    this.#options.recordEvent(this.resource, type, reason, message);
  }
}
