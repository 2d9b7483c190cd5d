/**
 * Values that this process has chosen and not yet saved, so that two passes at once do not choose the same. What is saved is
 * seen in the cache; a lease holds off a second controller.
 */
export class Reservations {
  readonly #held = new Map<string, string>();

  /** Takes `value` for `holder`; false when somebody else holds it. */
  claim(scope: string, value: string, holder: string): boolean {
    const key = `${scope}\u0000${value}`;
    const current = this.#held.get(key);
    if (current !== undefined && current !== holder) return false;
    this.#held.set(key, holder);
    return true;
  }

  /** Whether nobody but `holder` has taken `value`. */
  isFree(scope: string, value: string, holder: string): boolean {
    const current = this.#held.get(`${scope}\u0000${value}`);
    return current === undefined || current === holder;
  }

  /** Gives back all that `holder` has: it was saved, or given up. */
  release(holder: string): void {
    for (const [key, current] of this.#held) if (current === holder) this.#held.delete(key);
  }
}
