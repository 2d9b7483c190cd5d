import { readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type { Connection } from '../context.ts';
import { CliError } from '../exit.ts';
import type { Say } from '../text.ts';

export interface KubeconfigFlags {
  write?: string;
  force?: boolean;
  certificateAuthority?: string;
  namespace?: string;
}

/**
 * Writes a kubeconfig with one context for a server. It holds the token, so a file is for its owner alone. Without an authority it
 * is that which this command itself goes by, for kubectl knows nothing of it.
 */
export function kubeconfig({ url, token }: Connection, flags: KubeconfigFlags, say: Say): void {
  const { write, force = false, namespace } = flags;
  const certificateAuthority =
    flags.certificateAuthority ?? (url.startsWith('https:') ? process.env['NODE_EXTRA_CA_CERTS'] : undefined);
  if (force && write === undefined) throw new CliError('usage', 'Use --force with --write FILE.');
  const authority = certificateAuthority === undefined ? undefined : readAuthority(certificateAuthority);
  if (url.startsWith('http:'))
    process.stderr.write(
      `${url} is not encrypted, and kubectl shows tokens to https servers only: it will not be let in. Have the server speak HTTPS: CONTAINR_TLS_CERT_FILE and CONTAINR_TLS_KEY_FILE, or containr dev --https.\n`,
    );
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'containr',
        cluster: { server: url, ...(authority && { 'certificate-authority-data': authority.toString('base64') }) },
      },
    ],
    users: [{ name: 'containr', user: { token } }],
    contexts: [
      {
        name: 'containr',
        context: { cluster: 'containr', user: 'containr', ...(namespace !== undefined && { namespace }) },
      },
    ],
    'current-context': 'containr',
  };
  const text = stringify(config, { lineWidth: 0 });
  if (write === undefined) return say(text.trimEnd());
  save(write, text, force);
  process.stderr.write(`Wrote ${write}. Use it with: KUBECONFIG=${write} kubectl get services -A\n`);
}

function readAuthority(file: string): Buffer {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (cause) {
    throw new CliError('usage', `${file} cannot be read. Name the PEM file of the server's authority.`, [], { cause });
  }
  if (content.includes('-----BEGIN CERTIFICATE-----')) return content;
  throw new CliError('usage', `${file} holds no certificate. Name the PEM file of the server's authority.`);
}

function save(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { mode: 0o600, flag: force ? 'w' : 'wx' });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const why =
      code === 'EEXIST'
        ? 'is there already. Name a new file, or replace it with --force'
        : `cannot be written (${String(code)})`;
    throw new CliError('usage', `${file} ${why}.`, [], { cause });
  }
}
