import { Fault } from './errors.ts';

/** Why nothing is changed, as people read it: since when, and a sentence that says what was found. */
export interface ObserveOnly {
  since: Date;
  because: string;
}

/** Undefined while everything may be changed that has to be. */
export type Observing = () => ObserveOnly | undefined;

/** The words of it that stand in conditions, warnings and logs, with the way out. */
export function observeOnlyText({ since, because }: ObserveOnly): string {
  return `Observe-only since ${since.toISOString()}: ${because} Nothing is changed outside until somebody has looked: containr resume --installation`;
}

/** What every change meets meanwhile: not a failure, it waits. */
export function observeOnlyFault(observeOnly: ObserveOnly): Fault {
  return new Fault('ObserveOnly', observeOnlyText(observeOnly));
}
