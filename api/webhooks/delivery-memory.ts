/** Deliveries that came lately, so that none counts twice. What came longest ago is forgotten first. */
export class DeliveryMemory {
  readonly #most: number;
  readonly #seen = new Set<string>();

  constructor(most = 10_000) {
    this.#most = most;
  }

  /** Notes a delivery; false when any of its ids came before. */
  isNew(target: string, ids: readonly string[]): boolean {
    const keys = ids.map((id) => `${target} ${id.slice(0, 256)}`);
    if (keys.some((key) => this.#seen.has(key))) return false;
    for (const key of keys) this.#seen.add(key);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= this.#most) break;
      this.#seen.delete(oldest);
    }
    return true;
  }
}
