import type { ConditionInput } from '../../crds/condition.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION } from '../../crds/meta.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';

/** An object of a kind as it is stored, for tests; the spec gets its defaults. */
export function testObject<R extends Resource>(
  kind: Kind<R>,
  name: string,
  spec: unknown,
  status: Record<string, unknown> = {},
): R {
  return kind.read({
    apiVersion: API_VERSION,
    kind: kind.kind,
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00.000Z',
    },
    spec: kind.specSchema.parse(spec),
    status,
  });
}

/** A condition as it is stored, for tests. */
export function testCondition(
  type: string,
  status: ConditionInput['status'],
  reason: ConditionInput['reason'],
  message = 'Words.',
): ConditionInput & { observedGeneration: number; lastTransitionTime: string } {
  return { type, status, reason, message, observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00.000Z' };
}

/** A guest as the deployment loop makes one, for tests. */
export function testGuest(spec: Record<string, unknown> = {}, status: Record<string, unknown> = {}): Guest {
  return Guest.read({
    apiVersion: API_VERSION,
    kind: 'Guest',
    metadata: {
      name: 'web-r1-0',
      namespace: 'shop',
      uid: '0d5b0f5e-7f0a-4a52-9a0c-2f6f0b6f8e11',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00.000Z',
    },
    spec: {
      hostname: 'web-r1-0',
      artifact: {
        digest: `sha256:${'a'.repeat(64)}`,
        sizeBytes: 1024,
        imageDigest: `sha256:${'b'.repeat(64)}`,
        image: 'shop/web:1',
        architecture: 'amd64',
        process: { command: ['/app'], env: ['PATH=/bin', 'MODE=image'], workingDir: '', user: '', stopSignal: '' },
      },
      process: { command: ['/app'] },
      ports: [{ name: 'http', port: 8080 }],
      ...spec,
    },
    status,
  });
}

/** A cache with these objects in it, for tests. */
export function testReader(...objects: readonly Resource[]): ResourceReader {
  const list = <R extends Resource>(kind: Kind<R>, namespace?: string): R[] =>
    objects
      .filter((one) => one.kind === kind.kind && (namespace === undefined || one.metadata.namespace === namespace))
      .map((one) => kind.read(one));
  return {
    list,
    get: (kind, { namespace, name }) => list(kind, namespace).find(({ metadata }) => metadata.name === name),
    ownedBy: (kind, uid) =>
      list(kind).filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid)),
  };
}
