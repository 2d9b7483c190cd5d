import { expect } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION, SERVICE_LABEL } from '../../crds/meta.ts';
import { Service } from '../../crds/service.ts';
import { childName } from '../../reconcilers/shared/child-name.ts';
import { controlledBy } from '../../reconcilers/shared/owner.ts';
import { REPOSITORY, type SpineWorld } from './spine-world.ts';

const USER = { manager: 'containr-cli', user: 'test' };
/** Promises are looked at again after each such time. */
const SLICE_MS = 3_000;

/** A new commit, and the service told to take it. */
export async function push(spine: SpineWorld): Promise<void> {
  const app = spine.clock.now().toISOString();
  const commit = spine.git.commit(REPOSITORY, { Dockerfile: 'FROM scratch\nCOPY app /app\nCMD ["/app"]\n', app });
  await change(spine, (spec) => ({ ...spec, source: { ...spec.source, commit } }));
}

/** What was deleted is made again, as people do. */
export async function change(spine: SpineWorld, edit: (spec: Service['spec']) => Service['spec']): Promise<void> {
  const [service] = await spine.all(Service);
  if (!service) return spine.createService();
  if (service.metadata.deletionTimestamp === undefined) await spine.edit(Service, 'web', edit);
}

export async function setPaused(spine: SpineWorld, paused: boolean): Promise<void> {
  await change(spine, (spec) => ({ ...spec, rollout: { ...spec.rollout, paused } }));
}

/** Cancels the builds that are under way. */
export async function cancelBuilds(spine: SpineWorld): Promise<void> {
  for (const { metadata, status } of await spine.all(Build))
    if (metadata.deletionTimestamp === undefined && status.completedAt === undefined)
      await spine.edit(Build, metadata.name, (spec) => ({ ...spec, cancelled: true }));
}

/** A new revision with image and configuration of one that there was, as `rollout undo` makes it. */
export async function rollBack(spine: SpineWorld, index: number): Promise<void> {
  const [service] = await spine.all(Service);
  const revisions = await spine.all(Deployment);
  const target = revisions[index % Math.max(1, revisions.length)];
  if (!service || !target || service.metadata.deletionTimestamp !== undefined) return;
  const revision = Math.max(...revisions.map(({ spec }) => spec.revision)) + 1;
  const { build, template } = target.spec;
  await spine.store.create(
    Deployment,
    {
      apiVersion: API_VERSION,
      kind: Deployment.kind,
      metadata: {
        name: childName('web', `r${revision}`),
        namespace: 'shop',
        labels: { [SERVICE_LABEL]: 'web' },
        ownerReferences: [controlledBy(service)],
      },
      spec: { service: 'web', revision, build, template, trigger: 'rollback', rollbackOf: target.metadata.name },
    },
    USER,
  );
}

/** Lets time go by and looks again and again. */
export async function runAndCheck(spine: SpineWorld, ms: number, check: () => Promise<void>): Promise<void> {
  for (let left = ms; left > 0; left -= SLICE_MS) {
    await spine.world.run(Math.min(left, SLICE_MS));
    await check();
  }
  await check();
}

/** No desired guest has two guests, and two Guests never have one. */
export async function expectNoTwins(spine: SpineWorld): Promise<void> {
  const uids = [...spine.proxmox.guests.values()].flatMap(({ config }) =>
    config.tags.filter((tag) => tag.startsWith('containr-g-')),
  );
  expect(uids.toSorted()).toEqual([...new Set(uids)].toSorted());
  const vmids = (await spine.all(Guest)).flatMap(({ status }) => status.vmid ?? []);
  expect(vmids.toSorted()).toEqual([...new Set(vmids)].toSorted());
}

/** Vmids of guests that run and belong to a revision that took over. */
export async function servingVmids(spine: SpineWorld): Promise<number[]> {
  const promoted = new Set(
    (await spine.all(Deployment)).filter(({ status }) => status.promoted).map(({ metadata }) => metadata.uid),
  );
  const running = new Set(spine.runningVmids());
  return (await spine.all(Guest))
    .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => promoted.has(uid)))
    .flatMap(({ status }) => (status.vmid !== undefined && running.has(status.vmid) ? [status.vmid] : []));
}
