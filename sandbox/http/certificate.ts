import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { writeFileWhole } from '../write-file-whole.ts';
import { bitString, context, explicit, octets, oid, sequence, set, time, unsigned, utf8 } from './der.ts';

/** A self-signed certificate with its key, as PEM. */
export interface ServerCertificate {
  certificate: string;
  key: string;
  /** SHA-256 of the certificate, as Proxmox shows it: upper-case hex pairs with colons. */
  fingerprint: string;
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const validYears = 10;

/** The certificate kept in the folder; made there when there is none. */
export function loadCertificate(folder: string, hosts: readonly string[]): ServerCertificate {
  const certificatePath = join(folder, 'pve-ssl.pem');
  const keyPath = join(folder, 'pve-ssl.key');
  let kept: { certificate: string; key: string };
  try {
    kept = { certificate: readFileSync(certificatePath, 'utf8'), key: readFileSync(keyPath, 'utf8') };
  } catch {
    kept = makeCertificate(hosts);
    mkdirSync(folder, { recursive: true });
    writeFileWhole(keyPath, kept.key);
    writeFileWhole(certificatePath, kept.certificate);
  }
  return { ...kept, fingerprint: new X509Certificate(kept.certificate).fingerprint256 };
}

function makeCertificate(hosts: readonly string[]): { certificate: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const body = certificateBody(publicKey, hosts);
  const signature = sign('sha256', body, privateKey);
  const der = sequence(body, ecdsaWithSha256, bitString(signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    certificate: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function certificateBody(publicKey: KeyObject, hosts: readonly string[]): Buffer {
  const name = sequence(set(sequence(oid('2.5.4.3'), utf8(hosts[0] ?? 'localhost'))));
  const from = new Date();
  const to = new Date(from);
  to.setUTCFullYear(from.getUTCFullYear() + validYears);
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const alternatives = hosts.map((host) =>
    isIPv4(host) ? context(7, Buffer.from(host.split('.').map(Number))) : context(2, Buffer.from(host)),
  );
  const keyId = createHash('sha1').update(keyInfo).digest();
  const extensions = sequence(
    sequence(oid('2.5.29.17'), octets(sequence(...alternatives))),
    sequence(oid('2.5.29.14'), octets(octets(keyId))),
  );
  return sequence(
    explicit(0, unsigned(Buffer.from([2]))),
    unsigned(randomBytes(16)),
    ecdsaWithSha256,
    name,
    sequence(time(from), time(to)),
    name,
    keyInfo,
    explicit(3, extensions),
  );
}
