/** A refusal in Docker's words, answered with its status while nothing was sent yet, else as the last line of a stream. */
export class DockerError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'DockerError';
    this.status = status;
  }
}

/** The usual 404. */
export function noSuchImage(name: string): DockerError {
  return new DockerError(404, `No such image: ${name}`);
}
