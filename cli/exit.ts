/** What the command ends with, for scripts. */
export const exitCodes = {
  ok: 0,
  /** A difference, or a "no". */
  negative: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  forbidden: 5,
  timeout: 6,
  server: 7,
} as const;

export type ExitName = keyof typeof exitCodes;

/** An end that is told to the person: one sentence, and a line for each detail. */
export class CliError extends Error {
  readonly exit: ExitName;
  readonly details: readonly string[];

  constructor(exit: ExitName, message: string, details: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.exit = exit;
    this.details = details;
  }
}
