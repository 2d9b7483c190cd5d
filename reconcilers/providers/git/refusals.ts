import { GitFault, type GitMeaning } from './fault.ts';

/** What Git says on stderr in the C locale; its words are read here and nowhere else. The first that fits counts. */
const refusals: readonly (readonly [words: RegExp, meaning: GitMeaning, advice: string])[] = [
  [/transport '.*' not allowed/, 'notAllowed', 'Use an https or ssh URL.'],
  [
    /host key verification failed|host key for .* has changed/i,
    'denied',
    'The host shows another key than it should. Make sure it is the right host, then correct the known hosts in the Secret.',
  ],
  [
    /could not read (username|password)|authentication failed|access denied|returned error: 40[13]|permission denied|invalid credentials/i,
    'denied',
    'Correct the Secret named in spec.source.secretRef, or give it access to the repository.',
  ],
  [
    /couldn't find remote ref|not our ref|no such remote ref|bad object/i,
    'refNotFound',
    'Push it, or correct the branch or commit.',
  ],
  [
    /repository .*not found|does not appear to be a git repository|returned error: (404|410)|project you were looking for could not be found/i,
    'notFound',
    'Correct the URL; a private repository needs a Secret.',
  ],
  [/no space left on device/i, 'unavailable', 'The disk of the server is full. Free space on it.'],
  [/ssl certificate|certificate verif/i, 'unavailable', 'Its certificate is not trusted. Renew it on the Git server.'],
];

/** What Git meant when it ended with an error. `what` begins the message: "The repository https://… cannot be read". */
export function readRefusal(what: string, stderr: string): GitFault {
  const found = refusals.find(([words]) => words.test(stderr));
  const [, meaning, advice] = found ?? [undefined, 'unavailable' as const, 'It is tried again.'];
  return new GitFault(meaning, `${what}: ${lastWords(stderr)} ${advice}`);
}

/** The server can give branches but not a commit by its id, or not without history: all of it must be asked for. */
export function asksForWholeHistory(stderr: string): boolean {
  return /unadvertised object|does not support shallow|dumb http transport|server does not support/i.test(stderr);
}

/** One sentence out of what Git printed: the last line that says something of its own, without what differs each time. */
function lastWords(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.replaceAll(/\p{Cc}/gu, ' ').trim())
    .filter((line) => line !== '' && !boilerplate.test(line));
  const fatal = lines.findLast((line) => /^(fatal|error): /.test(line));
  const words = (fatal ?? lines.at(-1) ?? 'Git said nothing')
    .replace(/^(fatal|error): (remote error: )?/, '')
    .replace(/ after \d+ ms/, '');
  return words.slice(0, 300).replace(/[.:]?$/, '.');
}

/** Said after every failure over SSH; the cause stands before it. */
const boilerplate =
  /could not read from remote repository|make sure you have the correct access|and the repository exists/i;
