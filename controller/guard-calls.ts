/** The same object, of which the named methods, all asynchronous, fail with what `guard` throws instead of being called. */
export function guardCalls<T extends object>(target: T, names: readonly (keyof T & string)[], guard: () => void): T {
  const guarded = new Set<string | symbol>(names);
  return new Proxy(target, {
    get(object, property) {
      const value: unknown = Reflect.get(object, property, object);
      if (typeof value !== 'function') return value;
      if (!guarded.has(property)) return value.bind(object);
      return async (...args: unknown[]): Promise<unknown> => {
        guard();
        return Reflect.apply(value, object, args);
      };
    },
  });
}
