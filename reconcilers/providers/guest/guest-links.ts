import type { ProcessExit, ProcessState } from './events.ts';

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
  /** Drops all links. */
  close(): Promise<void>;
}
