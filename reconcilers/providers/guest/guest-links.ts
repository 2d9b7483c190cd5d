import type { ProcessExit, ProcessState } from './events.ts';
import type { GuestRead, GuestRun, GuestRunRequest } from './guest-run.ts';

/** Where a guest's supervisor listens, and how to be let in. */
export interface GuestEndpoint {
  host: string;
  port: number;
  secret: string;
}

/** What the guest's own status remembers from before this process; it goes on from there. */
export interface GuestHistory {
  restarts: number;
  lastExit?: ProcessExit;
}

export interface GuestLinkState {
  connected: boolean;
  /** As last told; it stays when the connection is lost. */
  process: ProcessState;
  /** Starts after the first one since the guest was booted. */
  restarts: number;
  lastExit?: ProcessExit;
  /** The ready port is open. */
  listening: boolean;
  /** Why there is no connection, for people. */
  trouble?: string;
}

/** What the disks of a guest were asked for since it was started. */
export interface GuestUsage {
  reads: number;
  writes: number;
  /** For how long it has been counted. */
  uptimeMs: number;
}

/** The calls of GuestLinks that change something in a guest. */
export const CHANGES_A_GUEST = ['run', 'read', 'write', 'release'] as const;

/**
 * One connection for each guest, kept for as long as the guest is ensured: its log flows into the log store, no line lost
 * and none repeated, whichever side restarts.
 */
export interface GuestLinks {
  /** Makes the link, or moves it to a new endpoint; the same endpoint changes nothing. */
  ensure(guestUid: string, endpoint: GuestEndpoint, history?: GuestHistory): void;
  /** Ends the link once what has arrived is stored; the stored log stays. */
  drop(guestUid: string): Promise<void>;
  /** Undefined for a guest that is not ensured. */
  state(guestUid: string): GuestLinkState | undefined;
  /**
   * Starts the run when its id is new to the guest, and tells how it stands otherwise. Returns at once; fails only when
   * `signal` aborts.
   */
  run(guestUid: string, request: GuestRunRequest, signal: AbortSignal): Promise<GuestRun>;
  /**
   * A run whose standard output comes here instead of going to a file. It is killed when the stream is destroyed or `signal`
   * aborts. A run that the guest knows already is not begun again: then the stream fails, and `end` says how the run stands.
   */
  read(guestUid: string, request: GuestRunRequest, signal: AbortSignal): Promise<GuestRead>;
  /**
   * A run whose standard input is `source`, and waits for its end. When the source fails, or `signal` aborts, the run is
   * killed before it can take what came for all there is.
   */
  write(
    guestUid: string,
    request: GuestRunRequest,
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<GuestRun>;
  /** Has a held process started. True when it is not held any more, false when the supervisor cannot be asked. */
  release(guestUid: string, signal: AbortSignal): Promise<boolean>;
  /** Undefined where it is not counted, or the supervisor cannot be asked or is too old to know. Fails only when `signal` aborts. */
  usage(guestUid: string, signal: AbortSignal): Promise<GuestUsage | undefined>;
  /** Drops all links. */
  close(): Promise<void>;
}
