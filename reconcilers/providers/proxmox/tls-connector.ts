import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';

/** Which certificate an endpoint must present. Without any of these: one that this machine's own authorities vouch for. */
export interface TlsTrust {
  /** SHA-256 of the certificate itself, as "AB:CD:..."; nothing else of it is looked at. */
  fingerprint?: string | undefined;
  /** PEM of the authority that issued it, such as the cluster's own. */
  ca?: string | undefined;
  /** Takes any certificate. */
  insecureSkipVerify?: boolean | undefined;
}

/** No connection, so nothing was sent: neither a request nor the token. */
export class ConnectFailure extends Error {
  readonly kind: 'certificate' | 'unreachable';
  readonly code = 'PROXMOX_CONNECT';

  constructor(kind: ConnectFailure['kind'], message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.name = 'ConnectFailure';
    this.kind = kind;
  }
}

/** Connects over TLS and hands out only sockets whose certificate is trusted. Every failure is a ConnectFailure. */
export function createTlsConnector(trust: TlsTrust, timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({
    timeout: timeoutMs,
    // Proxmox speaks HTTP/1.1. A resumed session shows no certificate to compare, so none is kept.
    allowH2: false,
    maxCachedSessions: 0,
    rejectUnauthorized: trust.fingerprint === undefined && !trust.insecureSkipVerify,
    ...(trust.ca !== undefined && { ca: trust.ca }),
  });
  return (options, callback) => {
    connect(options, (error, socket) => {
      if (error) return callback(connectFailure(error), null);
      const mistrust = mistrustOf(socket, trust);
      if (!mistrust) return callback(null, socket);
      socket.destroy();
      callback(mistrust, null);
    });
  };
}

function mistrustOf(socket: Socket, { fingerprint }: TlsTrust): ConnectFailure | undefined {
  if (!(socket instanceof TLSSocket)) return new ConnectFailure('certificate', 'it is not an https address');
  if (fingerprint === undefined) return undefined;
  const presented = socket.getPeerCertificate().fingerprint256;
  if (presented?.toUpperCase() === fingerprint.toUpperCase()) return undefined;
  return new ConnectFailure('certificate', `it presents another certificate, with fingerprint ${presented}`);
}

/** Codes of OpenSSL and Node for a certificate that was looked at and refused. */
const refusedCertificate = /CERT|ISSUER|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH/;

function connectFailure(error: Error): ConnectFailure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (refusedCertificate.test(code)) {
    return new ConnectFailure('certificate', `its certificate is not trusted (${code})`, { cause: error });
  }
  return new ConnectFailure('unreachable', code || error.message, { cause: error });
}
