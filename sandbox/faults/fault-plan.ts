/** Which calls a fault is for; what is left out matches all. */
export interface CallMatch {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** The path below /api2/json: equal to a string, or matched by an expression. */
  path?: string | RegExp;
  /** The node that the call is for. */
  node?: string;
}

/** What happens to a call. */
export type CallEffect =
  /** Answers without doing anything. */
  | { do: 'answer'; status: number; text: string }
  /** Waits before the call is looked at. */
  | { do: 'delay'; ms: number }
  /** Closes the connection without an answer, before or after the call had its effect. */
  | { do: 'drop'; when: 'before' | 'after' }
  /** The call has its effect, but the caller gets 596 without a body, as when the other daemon took over 30 s. */
  | { do: 'proxy-timeout' };

export interface CallFault {
  match: CallMatch;
  effect: CallEffect;
  /** For how many calls; for ever when left out. */
  times?: number;
}

/** What happens to tasks. */
export interface TaskFault {
  match: { type?: string; node?: string; id?: string };
  /** Time on top of what this kind of task takes. */
  extraMs?: number;
  /** The task fails with this text, and cleans up. */
  error?: string;
  /** The task dies without cleaning up; locks and volumes stay. */
  killed?: boolean;
  times?: number;
}

/** The faults that a test has planned. Those planned first are used first. */
export class FaultPlan {
  #calls: CallFault[] = [];
  #tasks: TaskFault[] = [];

  /** Returns a function that takes the fault back. */
  onCall(fault: CallFault): () => void {
    const planned = { ...fault };
    this.#calls.push(planned);
    return () => void (this.#calls = this.#calls.filter((other) => other !== planned));
  }

  /** Returns a function that takes the fault back. */
  onTask(fault: TaskFault): () => void {
    const planned = { ...fault };
    this.#tasks.push(planned);
    return () => void (this.#tasks = this.#tasks.filter((other) => other !== planned));
  }

  clear(): void {
    this.#calls = [];
    this.#tasks = [];
  }

  /** The effect for this call, counted as used. */
  takeCall(call: { method: string; path: string; node: string | undefined }): CallEffect | undefined {
    const fault = this.#calls.find(({ match, times }) => times !== 0 && matchesCall(match, call));
    if (fault?.times !== undefined) fault.times -= 1;
    return fault?.effect;
  }

  /** The fault for this task, counted as used. */
  takeTask(task: { type: string; node: string; id: string }): TaskFault | undefined {
    const fault = this.#tasks.find(
      ({ match, times }) =>
        times !== 0 &&
        (match.type ?? task.type) === task.type &&
        (match.node ?? task.node) === task.node &&
        (match.id ?? task.id) === task.id,
    );
    if (fault?.times !== undefined) fault.times -= 1;
    return fault;
  }
}

function matchesCall(match: CallMatch, call: { method: string; path: string; node: string | undefined }): boolean {
  if (match.method !== undefined && match.method !== call.method) return false;
  if (match.node !== undefined && match.node !== call.node) return false;
  if (typeof match.path === 'string') return match.path === call.path;
  return match.path?.test(call.path) ?? true;
}
