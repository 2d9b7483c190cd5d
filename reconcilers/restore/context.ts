import type { Restore } from '../../crds/backup.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, Resources } from '../../controller/reconciler.ts';
import type { DatabaseClient } from '../providers/database/client.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { DatabaseEngines } from '../shared/database-engine.ts';
import type { Trouble } from '../shared/trouble.ts';
import type { RestoreView } from './observe.ts';

export interface RestoreDeps {
  resources: Resources;
  /** Has a guest run what its configuration names. */
  links: Pick<GuestLinks, 'run'>;
  /** Asks a restored database itself. */
  database: DatabaseClient;
  engines: DatabaseEngines;
  /** Whoever answers keeps the values out of logs and messages. */
  readSecret: (
    namespace: string,
    name: string,
  ) => { ok: true; values: Readonly<Record<string, string>> } | ({ ok: false } & Trouble);
  /** Encrypts a value for its place in a Secret. */
  seal: (place: { namespace: string; name: string; key: string }, value: string) => string;
}

/** What the steps of a pass go by. */
export interface StepContext extends RestoreDeps {
  pass: Pass<Restore>;
  view: RestoreView;
}

/** What is waited for wakes this loop. */
export const HELD_CHECK_MS = 10_000;
export const SOON_MS = 1_000;

/** Notes for good that it failed, and why; what follows from it is the next pass's. */
export function fail(pass: Pass<Restore>, { reason, message }: Trouble): Outcome {
  pass.status = { ...pass.status, failure: message, failureReason: reason };
  return waiting(reason, message, 0);
}
