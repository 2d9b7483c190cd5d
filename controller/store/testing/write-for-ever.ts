import { pino } from 'pino';
import { API_VERSION } from '../../../crds/meta.ts';
import { Secret } from '../../../crds/secret.ts';
import { startEmbeddedPostgres } from '../embedded-postgres.ts';
import { createPostgresStore } from '../postgres-store.ts';

// A process for tests to kill: makes objects as fast as it can and prints the name and version of each that was acknowledged.

const [dataDir = '', life = ''] = process.argv.slice(2);
const log = pino({ level: 'silent' });
const server = await startEmbeddedPostgres({ dataDir, log });
const store = await createPostgresStore({ url: server.url, log });
await Promise.all(
  Array.from({ length: 10 }, async (_, writer) => {
    for (let n = 0; ; n += 1) {
      const name = `life-${life}-${writer}-${n}`;
      const manifest = Secret.parseManifest({
        apiVersion: API_VERSION,
        kind: 'Secret',
        metadata: { namespace: 'shop', name },
      });
      const { metadata } = await store.create(Secret, manifest, { manager: 'rest' });
      process.stdout.write(`${name} ${metadata.resourceVersion}\n`);
    }
  }),
);
