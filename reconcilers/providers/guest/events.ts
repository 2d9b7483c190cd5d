/** How the process in a guest ended. */
export interface ProcessExit {
  code?: number;
  /** Number of the signal that ended it. */
  signal?: number;
  at: Date;
}

/** What the supervisor tells about its process; `at` is the guest's own clock. */
export type GuestEvent =
  | { type: 'boot'; at: Date; version: number }
  | { type: 'held'; at: Date }
  | { type: 'start'; at: Date; pid: number; attempt: number }
  | { type: 'execFailed'; at: Date; errno: number; message: string }
  | { type: 'listening'; at: Date; port: number }
  | { type: 'exit'; at: Date; exit: ProcessExit; uptimeMs: number }
  | { type: 'backoff'; at: Date; delayMs: number }
  | { type: 'finished'; at: Date; code: number }
  | { type: 'stopping'; at: Date; signal: string }
  | { type: 'dropped'; at: Date; bytes: number };

/** The supervisor's word for its process; unknown while no connection has told. */
export type ProcessState =
  | 'held'
  | 'starting'
  | 'running'
  | 'listening'
  | 'backoff'
  | 'finished'
  | 'stopping'
  | 'unknown';
