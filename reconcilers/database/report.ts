import { findCondition, removeCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Database } from '../../crds/database.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Reason } from '../../crds/reasons.ts';
import type { DatabaseAnswer, DatabaseRefusal } from '../providers/database/client.ts';
import { troubleOf, type Trouble } from '../shared/trouble.ts';
import { isAttached } from '../shared/volumes.ts';
import { credentialsName } from './children.ts';
import type { DatabaseView } from './observe.ts';

type Phase = Database['status']['phase'];

/** What a report goes by besides what is recorded. */
export interface DatabaseFindings {
  guest: Guest | undefined;
  /** Undefined while there is nobody to ask. */
  answer: DatabaseAnswer | DatabaseRefusal | undefined;
  /** What is still to be done before there is. */
  pending: Trouble | undefined;
  /** The last lines that its guest printed. */
  lines: readonly string[];
  /** Settings that the engine does not have, one sentence each. */
  unsupported: readonly string[];
}

const MAX_MESSAGE = 1_000;

/** Reasons with which nothing gets better by waiting alone. */
const failing: ReadonlySet<Reason> = new Set<Reason>([
  'Rejected',
  'SecretNotFound',
  'SecretUnreadable',
  'BuildFailed',
  'CrashLoop',
  'LoginDenied',
  'BackupNotFound',
  'BackupUnreadable',
]);

/** The status as the facts have it. Pure; where it is stays known while it is not there. */
export function reportDatabase(
  view: DatabaseView,
  status: Database['status'],
  findings: DatabaseFindings,
  now: Date,
): Database['status'] {
  const { database, definition, version } = view;
  const { guest, answer } = findings;
  const at = { generation: database.metadata.generation, now };
  const host = hostOfGuest(guest);
  const isPublished = view.credentials !== undefined && 'url' in view.credentials && view.credentials.url !== undefined;
  const ready = readyCondition(view, findings);
  let conditions = setCondition(status.conditions, ready, at);
  conditions = setCondition(conditions, provisionedCondition(view, guest), at);
  conditions = setCondition(conditions, initialisedCondition(view, status, answer), at);
  conditions = setCondition(conditions, credentialsCondition(database, isPublished), at);
  conditions =
    findings.unsupported.length === 0
      ? removeCondition(conditions, 'SettingsApplied')
      : setCondition(conditions, settingsCondition(definition.title, findings.unsupported), at);
  return {
    ...status,
    phase: phaseOf(database, guest, ready),
    ...(answer?.ok ? { version: answer.version } : version.ok && { version: status.version ?? version.version }),
    ...(host !== undefined && { endpoint: `${host}:${definition.ports[0].port}` }),
    ...(guest && { guest: guest.metadata.name }),
    ...(view.volume && { volume: view.volume.metadata.name }),
    ...(isPublished && { credentialsSecretRef: { name: credentialsName(database) } }),
    conditions,
  };
}

/** Where a guest is reached; what is reserved for one that is stopped. */
export function hostOfGuest(guest: Guest | undefined): string | undefined {
  return guest?.status.addresses[0] ?? guest?.status.reservedAddress?.split('/')[0];
}

function readyCondition({ database, definition }: DatabaseView, findings: DatabaseFindings): ConditionInput {
  const { guest, answer, pending, lines } = findings;
  const no = (reason: Reason, message: string): ConditionInput => ({ type: 'Ready', status: 'False', reason, message });
  if (answer?.ok) {
    const message = `${definition.title} ${answer.version} answers queries.`;
    return { type: 'Ready', status: 'True', reason: 'Answering', message };
  }
  if (database.spec.power === 'stopped') {
    return guest?.status.power === 'running'
      ? no('Stopping', 'The database is being stopped.')
      : no('Stopped', 'The database is stopped, as asked.');
  }
  const trouble = guest && troubleOf(guest);
  if (trouble) return no(trouble.reason, withLines(`Guest ${guest.metadata.name}: ${trouble.message}`, lines));
  if (answer)
    return no(answer.denied ? 'LoginDenied' : 'NotAnswering', withLines(unanswered(definition.title, answer), lines));
  if (pending) return no(pending.reason, pending.message);
  return no('Provisioning', 'The guest of the database is being made and started.');
}

/** What keeps it from answering, in one sentence. */
export function unanswered(title: string, { why, denied }: DatabaseRefusal): string {
  return denied ? `${title} refuses the login of the Secret: ${why}` : `${title} does not answer a query yet: ${why}`;
}

function withLines(message: string, lines: readonly string[]): string {
  const whole = lines.length === 0 ? message : `${message}\nIts last lines:\n${lines.join('\n')}`;
  return whole.length > MAX_MESSAGE ? `${whole.slice(0, MAX_MESSAGE - 1)}…` : whole;
}

function phaseOf({ spec }: Database, guest: Guest | undefined, ready: ConditionInput): Phase {
  if (failing.has(ready.reason)) return 'Failed';
  if (ready.reason === 'Restoring' || ready.reason === 'Switching') return 'Restoring';
  if (spec.power === 'stopped') return guest?.status.power === 'running' ? 'Stopping' : 'Stopped';
  if (ready.status === 'True') return 'Running';
  return guest ? 'Provisioning' : 'Pending';
}

function provisionedCondition({ volume }: DatabaseView, guest: Guest | undefined): ConditionInput {
  const isThere = guest?.status.created === true && volume !== undefined && isAttached(volume, guest.metadata.uid);
  return isThere
    ? { type: 'Provisioned', status: 'True', reason: 'Created', message: 'The guest exists and has the volume.' }
    : { type: 'Provisioned', status: 'False', reason: 'Provisioning', message: 'Guest and volume are being made.' };
}

/** Once it answered its data are set up, whatever comes later. */
function initialisedCondition(
  { definition }: DatabaseView,
  { conditions }: Database['status'],
  answer: DatabaseFindings['answer'],
): ConditionInput {
  const was = findCondition(conditions, 'Initialised')?.status === 'True';
  return was || answer?.ok
    ? { type: 'Initialised', status: 'True', reason: 'Answering', message: `${definition.title} has been set up.` }
    : { type: 'Initialised', status: 'False', reason: 'NotAnswering', message: 'It has not answered a query yet.' };
}

function credentialsCondition(database: Database, isPublished: boolean): ConditionInput {
  const name = credentialsName(database);
  const type = 'CredentialsReady';
  return isPublished
    ? { type, status: 'True', reason: 'CredentialsMade', message: `The Secret ${name} has all that a program needs.` }
    : { type, status: 'False', reason: 'AddressPending', message: `The Secret ${name} has no address yet.` };
}

function settingsCondition(title: string, unsupported: readonly string[]): ConditionInput {
  const message = `${title} does not have all settings. ${unsupported.join(' ')}`;
  return { type: 'SettingsApplied', status: 'False', reason: 'UnsupportedSpec', message };
}
