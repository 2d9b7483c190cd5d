/** One run of a command that the guest's configuration names. The same id is the same run: asking again tells how it stands. */
export interface GuestRunRequest {
  /** Up to 64 letters, digits and dashes; kept by whoever asks, so that a restart of the controller runs nothing twice. */
  id: string;
  /** A name from `Guest.spec.commands`. */
  command: string;
}

/** How a run stands. */
export type GuestRun =
  | { state: 'running' }
  /** `sizeBytes` and `sha256` (64 hex digits) are of all that came out; `tail` is the end of that and of what it complained of. */
  | { state: 'exited'; code: number; sizeBytes: number; sha256: string; tail: string }
  /** The supervisor runs and has no such command: the guest was started with an older configuration. */
  | { state: 'unknown'; message: string }
  | { state: 'unreachable'; message: string };
