import { pino, stdTimeFunctions, type Logger } from 'pino';
import { prettyLine } from './pretty-line.ts';
import type { Redactor } from './redactor.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

interface LoggerOptions {
  level: LogLevel;
  /** For people at a terminal; without it one JSON object a line. */
  pretty?: boolean;
  redactor: Redactor;
  /** Takes whole lines; standard error without it, which leaves standard output to what was asked for. */
  write?: (line: string) => void;
}

/** The process's log. No line that it writes holds a value that the redactor knows, however it got there. */
export function createLogger({ level, pretty = false, redactor, write = toStandardError }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(line: string) {
        const clean = redactor.json(line.trimEnd());
        write(`${pretty ? prettyLine(clean) : clean}\n`);
      },
    },
  );
}

function toStandardError(line: string): void {
  process.stderr.write(line);
}
