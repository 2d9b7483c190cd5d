import { CliError } from './exit.ts';

/** The lines of an answer as they come, empty ones too. */
export async function* streamedLines(response: Response, url: string): AsyncGenerator<string> {
  if (!response.body) return;
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of response.body) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      yield* parts;
    }
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw disconnected(url, cause);
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/** What to tell a person about a server that does not answer, or no longer. */
export function disconnected(url: string, cause: unknown): CliError {
  const [code, message] = deepest(cause);
  return new CliError('server', `${hint(url, code)} (${code === '' ? message : code})`, [], { cause });
}

function hint(url: string, code: string): string {
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code))
    return `The certificate of ${url} is not trusted. If it is the right server, set NODE_EXTRA_CA_CERTS to the file of its authority.`;
  if (/ENOTFOUND|EAI_AGAIN/.test(code)) return `The name of the server in ${url} is not known. Check the address.`;
  return `The server at ${url} does not answer. Is it running, and is the address right?`;
}

/** fetch wraps what happened; the innermost error with a code says it. */
function deepest(error: unknown): [code: string, message: string] {
  if (!(error instanceof Error)) return ['', String(error)];
  const inner = error.cause === undefined ? (['', ''] as const) : deepest(error.cause);
  if (inner[0] !== '' || inner[1] !== '') return [inner[0], inner[1]];
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return [code, error.message];
}
