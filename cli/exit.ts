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

/** One field that the server took offence at. */
export interface RefusedField {
  field: string;
  message: string;
}

/** What the server refused, in its own words; they name the fields already, which stand apart here for who needs them. */
export class Refusal extends CliError {
  readonly fields: readonly RefusedField[];

  constructor(exit: ExitName, message: string, fields: readonly RefusedField[]) {
    super(exit, message);
    this.fields = fields;
  }
}
