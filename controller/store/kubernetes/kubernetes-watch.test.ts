import { describe, expect, it } from 'vitest';
import { API_VERSION } from '../../../crds/meta.ts';
import { Secret } from '../../../crds/secret.ts';
import { parseFieldSelector } from '../selector.ts';
import { createReadListed } from '../read-stored.ts';
import { KeysByUid } from './keys-by-uid.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { watchObjects } from './kubernetes-watch.ts';

/** Answers one list of lines for each request, then stops the watch. */
function playing(rounds: unknown[][], stop: AbortController) {
  const asked: (string | undefined)[] = [];
  const client: Pick<KubernetesClient, 'follow'> = {
    async *follow({ query }) {
      asked.push(query?.['resourceVersion']);
      yield* rounds[asked.length - 1] ?? [];
      if (asked.length >= rounds.length) stop.abort();
    },
  };
  return { asked, client };
}

function secret(name: string, version: number, observedGeneration: number, type = 'MODIFIED'): unknown {
  const metadata = {
    name,
    namespace: 'shop',
    uid: `uid-${name}`,
    resourceVersion: String(version),
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  return {
    type,
    object: { apiVersion: API_VERSION, kind: 'Secret', metadata, spec: {}, status: { observedGeneration } },
  };
}

async function told(rounds: unknown[][], fields = ''): Promise<{ words: string[]; asked: (string | undefined)[] }> {
  const stop = new AbortController();
  const { asked, client } = playing(rounds, stop);
  const reads = { readListed: createReadListed(undefined), uids: new KeysByUid() };
  const deps = { client, reads, closed: new AbortController().signal };
  const words: string[] = [];
  const options = { since: '5', fields: parseFieldSelector(fields), signal: stop.signal };
  for await (const event of watchObjects(deps, Secret, options)) {
    words.push(event.type === 'BOOKMARK' ? event.type : `${event.type} ${event.object.metadata.name}`);
  }
  return { words, asked };
}

describe('watchObjects', () => {
  it('goes on where the server ended, also after a bookmark that nobody asked for', async () => {
    const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } };
    const { words, asked } = await told([[secret('a', 6, 1, 'ADDED'), bookmark], [secret('a', 12, 2)], []]);
    expect(words).toEqual(['ADDED a', 'MODIFIED a']);
    expect(asked).toEqual(['5', '9', '12']);
  });

  it('tells what enters and leaves a selection that the server cannot make', async () => {
    const lines = [
      secret('new', 6, 1, 'ADDED'),
      secret('new', 7, 2),
      secret('new', 8, 2),
      secret('new', 9, 3),
      secret('new', 10, 3),
      secret('old', 11, 1),
      secret('old', 12, 1),
      secret('old', 13, 2, 'DELETED'),
    ];
    const { words } = await told([lines], 'status.observedGeneration=2');
    expect(words).toEqual(['ADDED new', 'MODIFIED new', 'DELETED new', 'DELETED old']);
  });

  it('ends with the fault that the server names', async () => {
    const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } };
    await expect(told([[gone]])).rejects.toMatchObject({ code: 'Expired' });
    await expect(told([[{ type: 'ERROR', object: {} }]])).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
