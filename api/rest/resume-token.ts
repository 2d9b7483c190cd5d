import { RestError } from './rest-error.ts';

/** Of the uid in the name of a stream: enough to tell guests of one service apart. */
const UID_CHARACTERS = 12;
const MOST_CHARACTERS = 12_000;

/** How far streams were read, as the id of an event: what a client sends back as `Last-Event-ID`. */
export function resumeToken(positions: ReadonlyMap<string, number>): string {
  return [...positions].map(([stream, position]) => `${shortOf(stream)}:${position}`).join(',');
}

/** The positions for the streams that there are now. Throws a 400 for what was never given out. */
export function readResumeToken(token: string, streams: readonly string[]): Map<string, number> {
  const pairs =
    token.length > MOST_CHARACTERS ? [] : token.split(',').map((pair) => /^([0-9a-f-]{1,12}):(-?\d{1,15})$/.exec(pair));
  if (pairs.length === 0 || pairs.includes(null)) {
    throw new RestError(
      'invalid_request',
      'The Last-Event-ID is not one that this log gave. Leave it out to begin anew.',
    );
  }
  const known = new Map(pairs.flatMap((pair) => (pair ? [[pair[1] ?? '', Number(pair[2])] as const] : [])));
  return new Map(
    streams.flatMap((stream) => {
      const position = known.get(shortOf(stream));
      return position === undefined ? [] : [[stream, position] as const];
    }),
  );
}

function shortOf(stream: string): string {
  return stream.slice(stream.indexOf('/') + 1).slice(0, UID_CHARACTERS);
}
