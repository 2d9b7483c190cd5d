import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { GuestRead, GuestRun, GuestRunRequest } from './guest-run.ts';

/** One run that a fake guest was made to begin. */
export interface FakeRun extends GuestRunRequest {
  guestUid: string;
  /** What a `write` brought. */
  input?: Buffer;
}

/** What a command comes to. A run that ended may be said by its output: size, digest and tail follow from that. */
export type FakeAnswer = GuestRun | { output: string | Buffer; code?: number };

/**
 * What fake guests can run and have run. It outlives the links of one controller, as a real guest does, when it is handed to
 * those of the next.
 */
export interface FakeGuestRuns {
  /** Each once, in order. */
  readonly begun: readonly FakeRun[];
  /**
   * What a command of a guest comes to from now on, also for its runs that have not ended; a run that was seen to end stays as
   * it ended. A command that was never set is unknown.
   */
  answer(guestUid: string, command: string, answer: FakeAnswer): void;
  /** Begins the run, or tells how it stands; `isNew` when no run had the id. */
  ask(guestUid: string, request: GuestRunRequest, input?: Buffer): { answer: FakeAnswer; isNew: boolean };
}

/** Guests that can run nothing yet. */
export function createFakeGuestRuns(): FakeGuestRuns {
  const begun: FakeRun[] = [];
  const answers = new Map<string, FakeAnswer>();
  const ended = new Map<string, FakeAnswer>();

  return {
    begun,

    answer: (guestUid, command, answer) => void answers.set(`${guestUid} ${command}`, answer),

    ask(guestUid, { id, command }, input) {
      const known = begun.find((run) => run.guestUid === guestUid && run.id === id);
      if (known && known.command !== command)
        return { answer: { state: 'unknown', message: 'that id is a run of another command' }, isNew: false };
      const answer = ended.get(`${guestUid} ${id}`) ??
        answers.get(`${guestUid} ${command}`) ?? { state: 'unknown', message: `the guest has no command "${command}"` };
      const runs = 'output' in answer || answer.state === 'running' || answer.state === 'exited';
      if (runs && !known) begun.push({ guestUid, id, command, ...(input && { input }) });
      if ('output' in answer || answer.state === 'exited') ended.set(`${guestUid} ${id}`, answer);
      return { answer, isNew: runs && !known };
    },
  };
}

/** The answer as the guest would give it. */
export function fakeRun(answer: FakeAnswer): GuestRun {
  if (!('output' in answer)) return answer;
  const output = Buffer.from(answer.output);
  return {
    state: 'exited',
    code: answer.code ?? 0,
    sizeBytes: output.length,
    sha256: createHash('sha256').update(output).digest('hex'),
    tail: output.subarray(-4096).toString('utf8'),
  };
}

/** The answer with its output on its way, which only a run that begins now has. */
export function fakeRead(answer: FakeAnswer, isNew: boolean): GuestRead {
  const end = Promise.resolve(fakeRun(answer));
  if (isNew && 'output' in answer) return { stream: Readable.from([Buffer.from(answer.output)]), end };
  const stream = new Readable({ read: () => undefined });
  stream.on('error', () => undefined);
  stream.destroy(new Error('The run did not begin.'));
  return { stream, end };
}
