import { z } from 'zod';
import { DockerFault, type DockerMeaning } from './fault.ts';
import { plainText } from './log-lines.ts';
import { EngineError } from './schema.ts';

/** What engines and registries say in words; they are read here and nowhere else. The first that fits counts. */
const refusals: readonly (readonly [words: RegExp, meaning: DockerMeaning, advice: string])[] = [
  [/no space left on device/i, 'noSpace', "Free space on the engine's disk: docker system prune."],
  [
    /(cannot locate specified|failed to read) dockerfile|dockerfile.*no such file/i,
    'dockerfileNotFound',
    'Correct the path.',
  ],
  [
    /pull access denied|manifest.*(unknown|not found)|no matching manifest|repository .*not found|no such image|does not provide the specified platform/i,
    'imageNotFound',
    'Correct its name, or log in to its registry if it is private.',
  ],
  [
    /unauthorized|authentication required|no basic auth credentials|access.*is denied|incorrect username or password|permission denied while trying to connect/i,
    'denied',
    'Correct the credentials.',
  ],
  [
    /no such host|connection refused|i\/o timeout|tls handshake|x509|network is unreachable|no route to host|temporary failure in name resolution|server misbehaving|client\.timeout|context deadline|toomanyrequests|too many requests/i,
    'unreachable',
    'It is tried again.',
  ],
  [/invalid reference format|parse error|unknown instruction|is not valid/i, 'invalid', 'Correct it.'],
];

/** The meaning of an error's text, or undefined when the words are not known. */
export function meaningOf(text: string): DockerMeaning | undefined {
  return refusals.find(([words]) => words.test(text))?.[1];
}

/** `what` begins the message: "The image x cannot be pulled". */
export function faultFromText(what: string, text: string, otherwise: DockerMeaning): DockerFault {
  const found = refusals.find(([words]) => words.test(text));
  const [, meaning, advice] = found ?? [undefined, otherwise, ''];
  return new DockerFault(meaning, `${what}: ${sentence(text)} ${advice}`.trim());
}

/** Anything dockerode or the connection threw. A fault of ours stays what it is. */
export function faultFromError(what: string, error: unknown): DockerFault {
  if (error instanceof DockerFault) return error;
  if (error instanceof z.ZodError) {
    return new DockerFault('unreachable', `${what}: what answers is no Docker engine. Check the endpoint.`, {
      cause: error,
    });
  }
  const { success, data } = EngineError.safeParse(error);
  if (success && data.statusCode !== undefined) {
    const text = data.json?.message ?? data.message.replace(/^\(HTTP code \d+\) [a-z ]+ - /, '');
    return faultFromText(what, text, meaningOfStatus(data.statusCode));
  }
  const text = success ? data.message : String(error);
  const refused = /EACCES|authentication methods failed|privateKey|host denied/i.test(text);
  const advice = refused ? 'Give this server access to it.' : 'Check the endpoint, and that Docker runs.';
  return new DockerFault(refused ? 'denied' : 'unreachable', `${what}: ${sentence(text)} ${advice}`, { cause: error });
}

/** The status alone, for texts that are not known. */
function meaningOfStatus(status: number): DockerMeaning {
  if (status === 404) return 'imageNotFound';
  if (status === 401 || status === 403) return 'denied';
  return status >= 500 ? 'unreachable' : 'invalid';
}

function sentence(text: string): string {
  return plainText(text.replaceAll(/\s+/g, ' ').trim())
    .slice(0, 400)
    .replace(/[.:,]*$/, '.');
}
