import type { Exchange } from './exchange.ts';
import { ProxmoxFault } from './fault.ts';
import { ConnectFailure } from './tls-connector.ts';

/** No endpoint could be connected to. `certificate` when that alone is what is wrong with at least one. */
export function unconnectedFault(attempts: readonly { url: string; failure: Error }[], what: string): ProxmoxFault {
  const mistrusted = attempts.find(
    ({ failure }) => failure instanceof ConnectFailure && failure.kind === 'certificate',
  );
  const tried = attempts.map(({ url, failure }) => `${url}: ${failure.message}`).join('; ');
  const cause = (mistrusted ?? attempts[0])?.failure;
  if (mistrusted) {
    const advice =
      'Nothing was sent to it. Compare with what "pvenode cert info" shows on the node; ' +
      'if the certificate was replaced on purpose, trust the new one in the tls settings.';
    return new ProxmoxFault('certificate', `Could not ${what}: ${tried}. ${advice}`, { cause });
  }
  const advice = 'Check that Proxmox is up, the address and port, and the network in between.';
  return new ProxmoxFault('noAnswer', `Could not ${what}: Proxmox cannot be reached (${tried}). ${advice}`, { cause });
}

/** The request went out, at least in part, and no whole answer came. */
export function unansweredFault(
  result: Extract<Exchange, { end: 'silent' | 'broken' }>,
  url: string,
  { what, method }: { what: string; method: string },
): ProxmoxFault {
  const trouble = result.end === 'silent' ? 'did not answer in time' : `broke the connection off: ${result.reason}`;
  const advice = method === 'GET' ? '' : ' It may have been done all the same.';
  return new ProxmoxFault('noAnswer', `Could not ${what}: ${url} ${trouble}.${advice}`, { cause: result.cause });
}

/** Something answered that is not Proxmox's API. */
export function unreadableFault(url: string, what: string): ProxmoxFault {
  const advice = 'Check that this is the address of Proxmox itself, with its port, usually 8006.';
  return new ProxmoxFault('other', `Could not ${what}: ${url} gave an answer that is not of Proxmox's API. ${advice}`);
}
