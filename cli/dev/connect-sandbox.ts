import type { ApiClient } from '../client.ts';
import { kindNamed } from '../kind-names.ts';
import { waitForAll } from '../wait-for-all.ts';
import { readyGoal } from '../wait-for.ts';
import { devManifests, type SandboxReady } from './manifests.ts';

const READY_MS = 60_000;

/** Tells the controller of the sandbox, as a person would of a real cluster and through the same API; waits for Ready. */
export async function connectSandbox(client: ApiClient, sandbox: SandboxReady): Promise<void> {
  for (const object of devManifests(sandbox)) {
    await client.apply(kindNamed(object.kind), object, { fieldManager: 'containr-dev', force: true });
  }
  const targets = [
    { kind: kindNamed('ProxmoxCluster'), name: 'dev', namespace: undefined },
    { kind: kindNamed('Builder'), name: 'default', namespace: undefined },
  ];
  await waitForAll(client, targets, readyGoal, { timeoutMs: READY_MS });
}
