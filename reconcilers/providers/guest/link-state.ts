import type { GuestEvent, ProcessState } from './events.ts';
import type { GuestLinkState } from './guest-links.ts';

/** The state after an event of the supervisor. Pure; the same object when nothing changed. */
export function afterEvent(state: GuestLinkState, event: GuestEvent): GuestLinkState {
  switch (event.type) {
    case 'boot':
      return { ...inProcessState(state, 'starting'), restarts: 0 };
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
      return inProcessState(state, 'finished');
    case 'stopping':
      return inProcessState(state, 'stopping');
    case 'execFailed':
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
