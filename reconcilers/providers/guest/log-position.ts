/** A place in the log of a guest that may have been made anew: its offsets then begin at 0, but positions only grow. */
export interface LogPosition {
  /** How often the log began anew. */
  epoch: number;
  offset: number;
}

/** 8 TiB of log for each epoch, and 1,023 epochs, fit into the integers that a number holds exactly. */
export const epochSize = 2 ** 43;

export const lastEpoch = 1_022;

export function encodePosition({ epoch, offset }: LogPosition): number {
  return epoch * epochSize + offset;
}

export function decodePosition(position: number): LogPosition {
  return { epoch: Math.floor(position / epochSize), offset: position % epochSize };
}
