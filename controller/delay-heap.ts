/** Something that is due at a time. */
export interface Due<T> {
  /** On the monotonic clock. */
  atMs: number;
  item: T;
}

/** A binary heap: the earliest first; equal times in the order in which they came. */
export class DelayHeap<T> {
  readonly #entries: (Due<T> & { order: number })[] = [];
  #order = 0;

  get size(): number {
    return this.#entries.length;
  }

  peek(): Due<T> | undefined {
    return this.#entries[0];
  }

  push(atMs: number, item: T): void {
    this.#entries.push({ atMs, item, order: this.#order++ });
    this.#rise(this.#entries.length - 1);
  }

  pop(): Due<T> | undefined {
    const first = this.#entries[0];
    const last = this.#entries.pop();
    if (first === undefined || last === undefined || first === last) return first;
    this.#entries[0] = last;
    this.#sink(0);
    return first;
  }

  /** Drops what no longer counts. Takes time in proportion to the size. */
  retain(counts: (due: Due<T>) => boolean): void {
    const kept = this.#entries.filter(counts);
    this.#entries.length = 0;
    // Sorted is a heap already.
    for (const entry of kept.sort((a, b) => a.atMs - b.atMs || a.order - b.order)) this.#entries.push(entry);
  }

  #rise(from: number): void {
    for (let index = from; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfEarlier(index, parent)) return;
      index = parent;
    }
  }

  #sink(from: number): void {
    for (let index = from; ;) {
      const left = index * 2 + 1;
      const child = this.#earlier(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfEarlier(child, index)) return;
      index = child;
    }
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    const below = this.#entries[child];
    const above = this.#entries[parent];
    if (below === undefined || above === undefined || !this.#earlier(child, parent)) return false;
    this.#entries[child] = above;
    this.#entries[parent] = below;
    return true;
  }

  #earlier(a: number, b: number): boolean {
    const left = this.#entries[a];
    const right = this.#entries[b];
    if (left === undefined || right === undefined) return false;
    return left.atMs === right.atMs ? left.order < right.order : left.atMs < right.atMs;
  }
}
