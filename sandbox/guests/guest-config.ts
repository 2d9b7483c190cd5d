/** One set of a container's options, by name, with values as Proxmox keeps them. `env` is joined by NUL. */
export type Options = Map<string, string>;

/** A key that only liblxc understands, such as `lxc.init.cwd`. */
export type RawKey = readonly [key: string, value: string];

/** A container's config: what runs or would run, what waits for the next start, and snapshots. */
export interface GuestConfig {
  options: Options;
  raw: RawKey[];
  pending: Options;
  /** Options to be deleted at the next start; true: by force. */
  pendingDelete: Map<string, boolean>;
  snapshots: Map<string, Snapshot>;
}

export interface Snapshot {
  options: Options;
  raw: RawKey[];
}

export function emptyConfig(): GuestConfig {
  return { options: new Map(), raw: [], pending: new Map(), pendingDelete: new Map(), snapshots: new Map() };
}

/** A copy that shares nothing. */
export function copyConfig(config: GuestConfig): GuestConfig {
  return {
    options: new Map(config.options),
    raw: [...config.raw],
    pending: new Map(config.pending),
    pendingDelete: new Map(config.pendingDelete),
    snapshots: new Map(
      [...config.snapshots].map(([name, { options, raw }]) => [name, { options: new Map(options), raw: [...raw] }]),
    ),
  };
}

/** What the config will be once everything pending is applied. */
export function withPending(config: GuestConfig): Options {
  const merged = new Map(config.options);
  for (const name of config.pendingDelete.keys()) merged.delete(name);
  for (const [name, value] of config.pending) {
    if (!config.pendingDelete.has(name)) merged.set(name, value);
  }
  return merged;
}

/** Value of one of liblxc's own keys; the last wins. */
export function rawValue(config: Pick<GuestConfig, 'raw'>, key: string): string | undefined {
  return config.raw.findLast(([name]) => name === key)?.[1];
}
