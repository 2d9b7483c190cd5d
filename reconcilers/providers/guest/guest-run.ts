import type { Readable } from 'node:stream';

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

/** A code that no process ends with: the guest was restarted under the run, and how it ended is not known. It is not run again. */
export const LOST_RUN_CODE = 256;
/** A code that no process ends with: what came out could not be kept, or the run could not be recorded; `tail` says why. */
export const UNKEPT_RUN_CODE = 257;

/** A run whose output is on its way here. */
export interface GuestRead {
  /** Fails when the connection is lost, and when the run did not begin; it ends as the output does, whatever the code. */
  stream: Readable;
  /** How the run ended; never fails. What has come is whole only when this says `exited` with code 0 and its `sizeBytes`. */
  end: Promise<GuestRun>;
}
