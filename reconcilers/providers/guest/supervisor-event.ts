import { constants } from 'node:os';
import type { GuestEvent, ProcessExit } from './events.ts';

/** Reads the text of a supervisor's frame; undefined for an event that a newer supervisor may have. */
export function readSupervisorEvent(text: string, at: Date): GuestEvent | undefined {
  // A message goes to the end, whatever it holds.
  const [words = '', message = ''] = text.split(/ message=(.*)/s);
  const fields = new Map(words.split(' ').map((word): [string, string] => splitAt(word, '=')));
  const number = (key: string) => Number(fields.get(key) ?? 0);
  switch (fields.get('event')) {
    case 'boot':
      return { type: 'boot', at, version: number('version') };
    case 'held':
      return { type: 'held', at };
    case 'start':
      return { type: 'start', at, pid: number('pid'), attempt: number('attempt') };
    case 'exec-failed':
      return { type: 'execFailed', at, errno: number('errno'), message };
    case 'listening':
      return { type: 'listening', at, port: number('port') };
    case 'exit':
      return { type: 'exit', at, exit: exitOf(fields, at), uptimeMs: number('uptime_ms') };
    case 'backoff':
      return { type: 'backoff', at, delayMs: number('delay_ms') };
    case 'finished':
      return { type: 'finished', at, code: number('code') };
    case 'stopping':
      return { type: 'stopping', at, signal: fields.get('signal') ?? '' };
    case 'dropped':
      return { type: 'dropped', at, bytes: number('bytes') };
    default:
      return undefined;
  }
}

/** The event as a person reads it in the log. */
export function describeSupervisorEvent(event: GuestEvent): string {
  switch (event.type) {
    case 'boot':
      return 'The guest started.';
    case 'held':
      return 'The process is held: it is not started until the controller says so.';
    case 'start':
      return event.attempt > 1 ? `The process started again, attempt ${event.attempt}.` : 'The process started.';
    case 'execFailed':
      return `The command cannot be run: ${event.message}. Correct the command, or the image.`;
    case 'listening':
      return `The process listens on port ${event.port}.`;
    case 'exit':
      return `The process ended ${howItEnded(event.exit)} after ${seconds(event.uptimeMs)}.`;
    case 'backoff':
      return `The process is started again in ${seconds(event.delayMs)}.`;
    case 'finished':
      return `The process is finished with code ${event.code} and is not started again.`;
    case 'stopping':
      return `The guest is asked to stop; the process gets ${event.signal}.`;
    case 'dropped':
      return `The guest's disk was full: ${event.bytes} bytes of output are lost.`;
    default:
      return event satisfies never;
  }
}

function exitOf(fields: ReadonlyMap<string, string>, at: Date): ProcessExit {
  const [code, signal] = [fields.get('code'), fields.get('signal')];
  return {
    at,
    ...(code !== undefined && { code: Number(code) }),
    ...(signal !== undefined && { signal: signalNumber(signal) }),
  };
}

const signals: Readonly<Record<string, number>> = constants.signals;
/** The C library keeps two for itself, so the first real-time signal that has a name is number 34. */
const firstRealtimeSignal = 34;

function signalNumber(name: string): number {
  const realtime = /^SIGRTMIN\+(\d+)$/.exec(name)?.[1];
  if (realtime !== undefined) return firstRealtimeSignal + Number(realtime);
  return signals[name] ?? Number.parseInt(name, 10);
}

function signalName(number: number): string {
  return Object.entries(signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}

function howItEnded({ code, signal }: ProcessExit): string {
  return signal === undefined ? `with code ${code ?? 0}` : `by ${signalName(signal)}`;
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${Math.round(milliseconds / 100) / 10} s`;
}

function splitAt(word: string, mark: string): [string, string] {
  const at = word.indexOf(mark);
  return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
}
