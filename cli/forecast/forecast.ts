import type { ApiObject } from '../objects.ts';

/** What happens to one thing: made, changed in place, destroyed, another in its place, or nothing worth a sign. */
export type Sign = '+' | '~' | '-' | '-/+' | ' ';

/** One thing that happens on Proxmox, or beside it. */
export interface Action {
  sign: Sign;
  what: 'guest' | 'disk' | 'build' | 'route' | 'database' | 'note';
  text: string;
}

/** What is going to happen because of one object. */
export interface ObjectForecast {
  sign: Sign;
  /** `service/web`. */
  name: string;
  project: string | undefined;
  actions: Action[];
  /** How long nobody is served, as far as that can be told; undefined where nothing stops serving. */
  downtime: string | undefined;
}

/** What the forecast is made from besides the objects themselves: the state that was stored when it was made. */
export interface KnownWorld {
  guests: readonly ApiObject[];
  volumes: readonly ApiObject[];
  routes: readonly ApiObject[];
  /** Undefined for who may not read them: then nodes and storages are not told. */
  clusters: readonly ApiObject[] | undefined;
}

/** One object before and after. */
export interface ObjectChange {
  before: ApiObject | undefined;
  /** Undefined for one that is pruned. */
  after: ApiObject | undefined;
  sign: Sign;
}

/** What the summary counts. */
export interface Totals {
  created: number;
  changed: number;
  pruned: number;
  guestsMade: number;
  guestsDestroyed: number;
  disksMade: number;
  builds: number;
}

/** Counts what a forecast says. Pure. */
export function totalsOf(forecasts: readonly ObjectForecast[]): Totals {
  const objects = (sign: Sign): number => forecasts.filter((one) => one.sign === sign).length;
  const actions = forecasts.flatMap((one) => one.actions);
  const count = (what: Action['what'], ...signs: Sign[]): number =>
    actions.filter((action) => action.what === what && signs.includes(action.sign)).length;
  return {
    created: objects('+'),
    changed: objects('~') + objects('-/+'),
    pruned: objects('-'),
    guestsMade: count('guest', '+', '-/+'),
    guestsDestroyed: count('guest', '-', '-/+'),
    disksMade: count('disk', '+'),
    builds: count('build', '+'),
  };
}
