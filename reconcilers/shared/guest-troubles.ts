import { findCondition } from '../../crds/condition.ts';
import type { Guest } from '../../crds/guest.ts';
import { troubleOf, type Trouble } from './trouble.ts';

/** The first guest that says what holds it up, by its name, speaks for all: the same trouble gives the same words. Pure. */
export function troubleOfGuests(guests: readonly Guest[]): Trouble | undefined {
  for (const guest of guests.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const trouble = troubleOf(guest);
    if (trouble) return { ...trouble, message: `Guest ${guest.metadata.name}: ${trouble.message}` };
  }
  return undefined;
}

/** Of no guest it is known that it does not serve, and of some it is not known that it does. Pure. */
export function isUnknown(guests: readonly Guest[]): boolean {
  const ready = guests.map(({ status }) => findCondition(status.conditions, 'Ready')?.status);
  return ready.includes('Unknown') && !ready.includes('False') && !ready.includes(undefined);
}
