/** What sessions are signed with. */
export interface SessionKey {
  /** Says from when to when the key signs, in seconds since 1970: `1767225600-1769817600`. */
  id: string;
  key: Uint8Array;
}

interface SessionKeysOptions {
  /** 32 bytes for a purpose, the same in every process of the installation: `Keyring.derive`. */
  derive(purpose: string): Uint8Array;
  /** How long one key signs. */
  rotationMs: number;
  /** How long a session lasts: so long a key still verifies after it signed for the last time. */
  lifetimeMs: number;
}

/** Clocks of controllers that share a database differ by less. */
const SKEW_MS = 60_000;

/**
 * The keys of sessions, one after the other. Each is derived from the keyring and the time it is for: nothing is stored, every
 * process has the same, and one that becomes known tells nothing about the next.
 */
export class SessionKeys {
  readonly #options: SessionKeysOptions;

  constructor(options: SessionKeysOptions) {
    this.#options = options;
  }

  /** The key that signs now. */
  signing(now: Date): SessionKey {
    const { rotationMs } = this.#options;
    const start = Math.floor(now.getTime() / rotationMs) * rotationMs;
    return this.#key(`${start / 1000}-${(start + rotationMs) / 1000}`);
  }

  /** The key of an id, for verifying. Undefined for one that is no key's, is not yet in use, or has signed nothing that still lasts. */
  verifying(id: string, now: Date): SessionKey | undefined {
    const [startMs, endMs] = timesOf(id);
    if (startMs === undefined || endMs === undefined || startMs >= endMs) return undefined;
    if (now.getTime() < startMs - SKEW_MS) return undefined;
    return now.getTime() < endMs + this.#options.lifetimeMs ? this.#key(id) : undefined;
  }

  #key(id: string): SessionKey {
    return { id, key: this.#options.derive(`sessions ${id}`) };
  }
}

/** Whether a key of this id was in use at a time. */
export function signedAt(id: string, at: Date): boolean {
  const [startMs = Infinity, endMs = 0] = timesOf(id);
  return at.getTime() >= startMs && at.getTime() < endMs;
}

function timesOf(id: string): number[] {
  const [, start, end] = /^(\d{1,12})-(\d{1,12})$/.exec(id) ?? [];
  return start === undefined || end === undefined ? [] : [Number(start) * 1000, Number(end) * 1000];
}
