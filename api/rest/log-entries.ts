import type { LogStore } from '../../controller/logs.ts';
import { MergedLog, type LogSource, type NamedLine } from '../log-streams.ts';

/** One line in the form of the contract. `stream` is stdout, stderr, or system for what Containr itself says. */
export interface LogEntry {
  timestamp: string;
  message: string;
  stream: NamedLine['source'];
}

export function logEntry({ time, text, source }: NamedLine): LogEntry {
  return { timestamp: time.toISOString(), message: text, stream: source };
}

/** The newest lines of some logs, in order of time. */
export async function newestLines(logs: LogStore, sources: readonly LogSource[], tail: number): Promise<NamedLine[]> {
  const lines: NamedLine[] = [];
  for await (const line of new MergedLog(logs, { tail }).backlog(sources)) lines.push(line);
  return lines;
}

/** Lines as they were printed, one below the other. */
export function logText(lines: readonly NamedLine[]): string {
  return lines.map(({ text }) => `${text}\n`).join('');
}
