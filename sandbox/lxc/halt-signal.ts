import { constants } from 'node:os';
import { EngineError } from '../engine/engine.ts';

const firstRealTime = 34;
const lastRealTime = 64;

/** The number of a signal as images and `lxc.signal.halt` write it: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`. */
export function signalNumber(name: string): number {
  const words = name.trim().toUpperCase();
  const plain = words.startsWith('SIG') ? words.slice(3) : words;
  const number = numberOf(plain);
  if (number !== undefined && number > 0 && number <= lastRealTime) return number;
  throw new EngineError(`'${name}' is not a signal that a guest can be stopped with`);
}

function numberOf(name: string): number | undefined {
  if (/^\d{1,2}$/.test(name)) return Number(name);
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime) {
    const base = realTime[1] === 'MIN' ? firstRealTime : lastRealTime;
    const offset = Number(realTime[3] ?? 0);
    return realTime[2] === '-' ? base - offset : base + offset;
  }
  return Object.entries(constants.signals).find(([known]) => known === `SIG${name}`)?.[1];
}
