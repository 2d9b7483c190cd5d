import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { z } from 'zod';
import { failure } from '../../api/status.ts';

const MicroTime = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
const Lease = z.object({
  apiVersion: z.literal('coordination.k8s.io/v1'),
  kind: z.literal('Lease'),
  metadata: z.object({ name: z.string(), resourceVersion: z.string().optional() }),
  spec: z.strictObject({
    holderIdentity: z.string().min(1).nullish(),
    leaseDurationSeconds: z.int().min(1).nullish(),
    leaseTransitions: z.int().min(0).nullish(),
    acquireTime: MicroTime.nullish(),
    renewTime: MicroTime.nullish(),
  }),
});

/** Namespaces and Leases as an API server keeps them: writes of an outdated version are 409, names are taken once, forms are checked. */
export function kubernetesLeases(namespaces: Set<string>): Hono {
  const leases = new Hono();
  const kept = new Map<string, object>();
  let version = 0;

  function keep(place: string, written: z.output<typeof Lease>): object {
    version += 1;
    const object = {
      ...written,
      metadata: { uid: randomUUID(), ...written.metadata, resourceVersion: String(version) },
    };
    kept.set(place, object);
    return object;
  }

  leases.post('/api/v1/namespaces', async (context) => {
    const { name } = z.object({ metadata: z.object({ name: z.string() }) }).parse(await context.req.json()).metadata;
    if (namespaces.has(name)) return context.json(failure('AlreadyExists', `namespaces "${name}" already exists`), 409);
    namespaces.add(name);
    return context.json({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, 201);
  });

  const base = '/apis/coordination.k8s.io/v1/namespaces/:namespace/leases';
  leases.post(base, async (context) => {
    const read = Lease.safeParse(await context.req.json());
    if (!read.success) return context.json(failure('Invalid', read.error.message), 422);
    const namespace = context.req.param('namespace');
    const place = `${namespace}/${read.data.metadata.name}`;
    if (!namespaces.has(namespace))
      return context.json(failure('NotFound', `namespaces "${namespace}" not found`), 404);
    if (kept.has(place)) return context.json(failure('AlreadyExists', `leases "${place}" already exists`), 409);
    return context.json(keep(place, read.data), 201);
  });
  leases.get(`${base}/:name`, (context) => {
    const place = `${context.req.param('namespace')}/${context.req.param('name')}`;
    const found = kept.get(place);
    return found ? context.json(found) : context.json(failure('NotFound', `leases "${place}" not found`), 404);
  });
  leases.put(`${base}/:name`, async (context) => {
    const read = Lease.safeParse(await context.req.json());
    if (!read.success) return context.json(failure('Invalid', read.error.message), 422);
    const place = `${context.req.param('namespace')}/${context.req.param('name')}`;
    const found = Lease.safeParse(kept.get(place)).data;
    if (!found) return context.json(failure('NotFound', `leases "${place}" not found`), 404);
    if (found.metadata.resourceVersion !== read.data.metadata.resourceVersion) {
      return context.json(
        failure('Conflict', `Operation cannot be fulfilled on leases "${place}": it was modified`),
        409,
      );
    }
    return context.json(keep(place, read.data));
  });
  return leases;
}
