import { BlockList, isIP } from 'node:net';
import { Fault } from '../../controller/errors.ts';
import type { ApiContext } from '../context.ts';

/** Finds out where a request came from. */
export interface ClientAddress {
  /** Empty when it is unknown. */
  of(context: ApiContext): string;
  /** Whether the request was made on this very machine, and not passed on by a proxy. */
  isLocal(context: ApiContext): boolean;
}

/**
 * The peer of the connection; when that is a trusted proxy, the last address in X-Forwarded-For that is not one. Proxies are
 * addresses or networks such as `10.0.0.0/8`. Throws Invalid for anything else.
 */
export function createClientAddress(trustedProxies: readonly string[] = []): ClientAddress {
  const trusted = new BlockList();
  for (const proxy of trustedProxies) addProxy(trusted, proxy);

  return {
    of(context) {
      const peer = peerOf(context);
      if (!contains(trusted, peer)) return peer;
      const passedOn = (context.req.header('x-forwarded-for') ?? '')
        .split(',')
        .map((entry) => plainAddress(entry.trim()));
      const outside = passedOn.findLast((entry) => isIP(entry) === 0 || !contains(trusted, entry));
      return outside !== undefined && isIP(outside) !== 0 ? outside : peer;
    },
    isLocal(context) {
      const forwarded = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'].some(
        (name) => context.req.header(name) !== undefined,
      );
      return !forwarded && contains(loopback, peerOf(context));
    },
  };
}

/**
 * Whom to hold failures against: an IPv4 address, or the /64 network of an IPv6 one, all of whose addresses are at the same
 * person's command.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = address.split('::');
  const [left, right] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => 0);
  const network = [...left, ...zeros, ...right].slice(0, 4).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

function groupsOf(half: string): number[] {
  return half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16));
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function addProxy(list: BlockList, proxy: string): void {
  const [address = '', prefix, ...more] = proxy.split('/');
  const family = isIP(address);
  const bits = prefix === undefined ? undefined : Number(prefix);
  const wrong = bits !== undefined && !(Number.isInteger(bits) && bits >= 0 && bits <= (family === 6 ? 128 : 32));
  if (family === 0 || wrong || more.length > 0 || prefix === '') {
    throw new Fault(
      'Invalid',
      `"${proxy}" is no address or network of a trusted proxy, such as 10.0.0.5 or 10.0.0.0/8.`,
    );
  }
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (bits === undefined) list.addAddress(address, type);
  else list.addSubnet(address, bits, type);
}

function contains(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function peerOf(context: ApiContext): string {
  return plainAddress(context.env?.incoming?.socket.remoteAddress ?? '');
}

/** A socket that takes both families shows IPv4 addresses inside IPv6 ones. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}
