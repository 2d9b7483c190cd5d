/** One line of a log. */
export interface LogLine {
  /** Grows within a stream: the byte offset in a guest's log, the line number in a build's. */
  position: number;
  time: Date;
  source: 'stdout' | 'stderr' | 'system';
  text: string;
}

export interface LogQuery {
  /** Lines after this position. */
  after?: number | undefined;
  /** Only the newest so many. */
  tail?: number | undefined;
  since?: Date | undefined;
  limit?: number | undefined;
}

/**
 * What guests and builds printed, as loops collected it; requests only ever read here. A stream is `guest/UID` or `build/UID`.
 */
export interface LogStore {
  /** Lines and the position to resume from, in one transaction: a restart neither loses nor repeats any. */
  append(stream: string, lines: readonly LogLine[], resumeAt: number): Promise<void>;
  /** Where to resume; undefined for a stream never written to. */
  resumeAt(stream: string): Promise<number | undefined>;
  read(stream: string, query: LogQuery): Promise<LogLine[]>;
  /** Resolves when the stream may have grown, or after `maxMs`. */
  changed(stream: string, maxMs: number, signal: AbortSignal): Promise<void>;
  remove(stream: string): Promise<void>;
  /** Drops the oldest lines of every stream beyond `maxBytesPerStream`. */
  trim(maxBytesPerStream: number): Promise<void>;
}
