/** The parameters of one call, checked against its table. Numbers and booleans are kept as Proxmox stores them, as text. */
export class Arguments {
  readonly #values: ReadonlyMap<string, string | readonly string[]>;

  constructor(values: ReadonlyMap<string, string | readonly string[]>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Undefined when it was not given. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === 'object' ? value.join(',') : value;
  }

  /** For parameters that the call's table does not leave out. */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new Error(`parameter ${name} is read as required, but its table says optional`);
    return value;
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  /** False when it was not given. */
  flag(name: string): boolean {
    return this.text(name) === '1';
  }

  list(name: string): readonly string[] {
    const value = this.#values.get(name);
    return typeof value === 'string' ? [value] : (value ?? []);
  }

  /** All that were given, but not these. */
  without(...names: string[]): Map<string, string> {
    const rest = new Map<string, string>();
    for (const name of this.#values.keys()) {
      if (!names.includes(name)) rest.set(name, this.required(name));
    }
    return rest;
  }
}
