import type { Clock } from '../../controller/clock.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Admit } from './admission.ts';

/** What the handlers of the resource API work with. */
export interface ResourceDeps {
  store: ResourceStore;
  authorizer: Authorizer;
  admit: Admit;
  clock: Clock;
  /** Aborts when the server stops: streams then end. */
  closing: AbortSignal;
}
