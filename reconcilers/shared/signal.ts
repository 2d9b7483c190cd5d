/** Tells whoever listens that something outside the store changed. */
export interface Signal<T> {
  emit(value: T): void;
  subscribe(listener: (value: T) => void, until: AbortSignal): void;
}

export function createSignal<T>(): Signal<T> {
  const listeners = new Set<(value: T) => void>();
  return {
    emit(value) {
      for (const listener of listeners) listener(value);
    },
    subscribe(listener, until) {
      listeners.add(listener);
      until.addEventListener('abort', () => listeners.delete(listener), { once: true });
    },
  };
}
