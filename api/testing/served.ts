import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../reconcilers/providers/proxmox/testing/self-signed-certificate.ts';
import { startServer } from '../server.ts';
import { createShop, type ApiFixture } from './api-fixture.ts';

/** The app of the fixture behind a real socket with TLS: Kubernetes clients send tokens over nothing else. */
export interface Served {
  api: ApiFixture;
  url: string;
  /** PEM of the certificate, which is its own authority. */
  certificate: string;
  /** A folder for the test, with the certificate in `ca.pem`. */
  folder: string;
  close(): Promise<void>;
}

export async function serveShop(): Promise<Served> {
  const api = await createShop();
  const folder = await mkdtemp(join(tmpdir(), 'containr-api-'));
  const { cert, key } = selfSignedCertificate();
  await writeFile(join(folder, 'ca.pem'), cert);
  const server = await startServer({
    app: api.app,
    host: '127.0.0.1',
    port: 0,
    tls: { cert, key },
    onClosing: () => api.closing.abort(),
  });
  return {
    api,
    url: server.url,
    certificate: cert,
    folder,
    async close() {
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}
