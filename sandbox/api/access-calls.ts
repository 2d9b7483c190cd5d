import { setTimeout as sleep } from 'node:timers/promises';
import type { Privilege } from '../access/privileges.ts';
import { Refusal } from '../refusal.ts';
import { writeTicket } from '../http/authenticate.ts';
import type { Call, CallContext } from './call.ts';

const area: Readonly<Record<string, string>> = {
  '/': 'dc',
  '/access': 'access',
  '/nodes': 'nodes',
  '/sdn': 'sdn',
  '/storage': 'storage',
  '/vms': 'vms',
  '/mapping': 'mapping',
};

/** Logging in with a password. */
export const accessCalls: readonly Call[] = [
  {
    method: 'POST',
    path: '/access/ticket',
    protected: true,
    ticketOnly: true,
    permission: { user: 'world' },
    parameters: {
      'new-format': { type: 'boolean', optional: true },
      otp: { type: 'string', optional: true },
      password: { type: 'string' },
      path: { type: 'string', maxLength: 64, optional: true, requires: 'privs' },
      privs: { type: 'string', format: 'pve-priv-list', maxLength: 64, optional: true, requires: 'path' },
      realm: { type: 'string', format: 'pve-realm', maxLength: 32, optional: true },
      'tfa-challenge': { type: 'string', optional: true },
      username: { type: 'string', maxLength: 64 },
    },
    handle: logIn,
  },
];

async function logIn({ cluster, args }: CallContext): Promise<Record<string, unknown>> {
  const { access, settings } = cluster;
  const realm = args.text('realm');
  const name = args.required('username');
  const username = realm === undefined || name.includes('@') ? name : `${name}@${realm}`;
  if (!access.knowsPassword(username, args.required('password'))) {
    await sleep(settings.authDelayMs);
    throw new Refusal('authentication failure', 401);
  }
  const { ticket, csrfToken } = writeTicket(access, username, cluster.now());
  const identity = { id: username, user: username, token: undefined };
  const cap: Record<string, Partial<Record<Privilege, 1>>> = {};
  for (const [path, key] of Object.entries(area)) {
    cap[key] = Object.fromEntries([...access.privileges(identity, path).keys()].map((privilege) => [privilege, 1]));
  }
  return { ticket, CSRFPreventionToken: csrfToken, username, cap };
}
