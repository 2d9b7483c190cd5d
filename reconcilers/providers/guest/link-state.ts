import type { GuestEvent, ProcessState } from './events.ts';
import type { GuestLinkState } from './guest-links.ts';

const ENOENT = 2;

/** The state after an event of the supervisor. Pure; the same object when nothing changed. */
export function afterEvent(state: GuestLinkState, event: GuestEvent): GuestLinkState {
  switch (event.type) {
    case 'boot':
      return { ...inProcessState(state, 'starting'), restarts: 0 };
    case 'held':
      return inProcessState(state, 'held');
    case 'start':
      return { ...inProcessState(state, 'running'), restarts: Math.max(0, event.attempt - 1) };
    case 'listening':
      return inProcessState(state, 'listening');
    case 'exit':
      // What comes next the supervisor says at once; until then nothing runs.
      return { ...inProcessState(state, state.process === 'stopping' ? 'stopping' : 'starting'), lastExit: event.exit };
    case 'backoff':
      return inProcessState(state, 'backoff');
    case 'finished':
      return {
        ...inProcessState(state, 'finished'),
        ...(!isTold(state, event.code) && { lastExit: { code: event.code, at: event.at } }),
      };
    case 'stopping':
      return inProcessState(state, 'stopping');
    case 'execFailed':
      return { ...state, lastExit: { code: event.errno === ENOENT ? 127 : 126, at: event.at } };
    case 'dropped':
      return state;
    default:
      return event satisfies never;
  }
}

/** The state when the supervisor says outright what its process does. Pure. */
export function inProcessState(state: GuestLinkState, process: ProcessState): GuestLinkState {
  return { ...state, process, listening: process === 'listening' };
}

/** The exit is known from its own event, which also names a signal; the code of the last event is 128 and its number then. */
function isTold({ lastExit }: GuestLinkState, code: number): boolean {
  return lastExit !== undefined && (lastExit.code ?? 128 + (lastExit.signal ?? 0)) === code;
}
