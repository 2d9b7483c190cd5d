import type { ProxmoxClient } from './client.ts';
import { ProxmoxFault } from './fault.ts';

export type FakeMethod = Exclude<keyof ProxmoxClient, 'close'>;

/** What happens to the next calls of one method. */
export interface Interception {
  times?: number;
  /** Just before Proxmox looks at the call: the world moves in between. */
  before?: () => void;
  /** Refused, and nothing happens. */
  refuse?: ProxmoxFault;
  /** It happens, and the answer is lost. */
  loseAnswer?: boolean;
}

/** Counts the calls of a fake and lets a test step between a call and its effect. */
export class FakeCalls {
  readonly counts = new Map<FakeMethod, number>();
  readonly #interceptions = new Map<FakeMethod, Interception[]>();

  intercept(method: FakeMethod, interception: Interception): void {
    const waiting = this.#interceptions.get(method) ?? [];
    for (let n = 0; n < (interception.times ?? 1); n++) waiting.push(interception);
    this.#interceptions.set(method, waiting);
  }

  async run<T>(method: FakeMethod, signal: AbortSignal, act: () => T): Promise<T> {
    signal.throwIfAborted();
    this.counts.set(method, (this.counts.get(method) ?? 0) + 1);
    const interception = this.#interceptions.get(method)?.shift();
    // A call takes time: what else is under way gets its turn.
    await Promise.resolve();
    interception?.before?.();
    if (interception?.refuse) throw interception.refuse;
    const result = act();
    if (interception?.loseAnswer) throw new ProxmoxFault('noAnswer', `Proxmox did not answer ${method} in time.`);
    return result;
  }
}
