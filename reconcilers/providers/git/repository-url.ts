import { BlockList, isIPv6 } from 'node:net';
import { GitFault } from './fault.ts';

/** Where a repository is, after its URL passed our rules. */
export type RepositoryPlace =
  /** `origin` is how Git names the host when it asks for a password: "https://git.example.com:8443". */
  | { kind: 'http'; url: string; origin: string }
  | { kind: 'ssh'; url: string }
  /** Whether the path is allowed is not said yet. */
  | { kind: 'local'; path: string };

/** What can be asked of a shell-less `ssh`: no option, no metacharacter. */
const hostName = /^([A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])$/;
const userName = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;
const scpLike = /^(?:([^@:/]+)@)?([^@:/]+):(?!\/\/)(.+)$/;

/**
 * Reads a repository URL. Only http, https, ssh, `user@host:path`, file URLs and absolute paths pass: Git itself would run
 * programs for some others. Throws notAllowed.
 */
export function readRepositoryUrl(url: string): RepositoryPlace {
  if (url === '' || url.startsWith('-') || /[\p{Cc}\s]/u.test(url)) {
    throw refusal('begins with "-" or holds spaces or control characters');
  }
  if (/^[A-Za-z0-9+.-]*::/.test(url)) throw refusal('names a remote helper');
  if (url.startsWith('/')) return { kind: 'local', path: url };
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(url)) return readUrl(url);
  return readScpLike(url);
}

function readUrl(text: string): RepositoryPlace {
  const url = URL.parse(text);
  if (!url) throw refusal('is not a URL');
  if (url.password !== '') throw refusal('holds a password; put it into a Secret');
  switch (url.protocol) {
    case 'http:':
    case 'https:':
      if (url.search !== '' || url.hash !== '') throw refusal('holds a query or a fragment');
      if (isLinkLocal(url.hostname)) throw refusal('names a link-local address, where clouds hand out credentials');
      return { kind: 'http', url: url.href, origin: url.origin };
    case 'ssh:':
      // To Git these two are part of the host: what it would ask is not what is checked here.
      if (/[?#\\]/.test(text)) throw refusal('holds "?", "#" or "\\"');
      checkSsh(decoded(url.username), url.hostname);
      return { kind: 'ssh', url: text };
    case 'file:':
      if (url.hostname !== '') throw refusal('is a file URL with a host');
      return { kind: 'local', path: decoded(url.pathname) };
    default:
      throw refusal(`uses "${url.protocol}//"`);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refusal('holds a "%" that is none of the hex codes of a URL');
  }
}

const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16);
linkLocal.addSubnet('fe80::', 10, 'ipv6');
linkLocal.addAddress('fd00:ec2::254', 'ipv6');

/** Of a host as `URL` writes it, which turns every other way to write an address into this one. */
function isLinkLocal(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return linkLocal.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

function readScpLike(text: string): RepositoryPlace {
  const [, user = '', host = '', path = ''] = scpLike.exec(text) ?? [];
  if (host === '' || path.startsWith('-')) throw refusal('is neither a URL nor an absolute path');
  checkSsh(user, host);
  return { kind: 'ssh', url: text };
}

function checkSsh(user: string, host: string): void {
  if (!hostName.test(host)) throw refusal('names a host that is none');
  if (user !== '' && !userName.test(user)) throw refusal('names a user that is none');
}

function refusal(why: string): GitFault {
  return new GitFault(
    'notAllowed',
    `The repository URL ${why}. Use https://host/path, ssh://user@host/path or user@host:path.`,
  );
}
