/** A call that Proxmox refuses: HTTP status, the text of the status line and, for bad parameters, one text for each. */
export class Refusal extends Error {
  readonly status: number;
  readonly errors: Readonly<Record<string, string>> | undefined;

  constructor(message: string, status = 500, errors?: Readonly<Record<string, string>>) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.errors = errors;
  }
}

/** 400 with one text for each bad parameter. */
export function invalidParameters(errors: Readonly<Record<string, string>>): Refusal {
  return new Refusal('Parameter verification failed.', 400, errors);
}

/** 403; the detail goes in brackets behind Proxmox's text. */
export function forbidden(detail?: string): Refusal {
  return new Refusal(detail === undefined ? 'Permission check failed' : `Permission check failed (${detail})`, 403);
}
