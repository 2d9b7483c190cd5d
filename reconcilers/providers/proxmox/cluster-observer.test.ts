import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../../test/harness/fake-clock.ts';
import { createClusterObserver } from './cluster-observer.ts';
import { FakeProxmox } from './fake.ts';

const signal = new AbortController().signal;

async function world() {
  const clock = new FakeClock();
  const proxmox = new FakeProxmox({ clock, nodes: ['pve1', 'pve2'] });
  const changes: number[][] = [];
  const troubles: unknown[] = [];
  const observer = createClusterObserver({
    client: proxmox,
    intervalMs: 5_000,
    clock,
    onChange: (vmids) => changes.push([...vmids]),
    onTrouble: (error) => troubles.push(error),
  });
  await settle();
  return { clock, proxmox, observer, changes, troubles };
}

describe('createClusterObserver', () => {
  it('looks at once and then at intervals, with the same calls for any number of guests', async () => {
    const { clock, proxmox, observer } = await world();
    for (let vmid = 100; vmid < 200; vmid++) proxmox.addStranger(vmid);
    await clock.advance(20_000);
    expect(proxmox.calls.get('resources')).toBe(5);
    expect(proxmox.calls.get('clusterStatus')).toBe(5);
    expect(observer.view()).toMatchObject({ fresh: true, quorate: true });
    expect(observer.view()?.resources.guests).toHaveLength(100);
  });

  it('tells which guests came, changed and went, and nothing of the others', async () => {
    const { clock, proxmox, changes } = await world();
    proxmox.addStranger(100);
    proxmox.addStranger(101);
    await clock.advance(5_000);
    expect(changes).toEqual([[100, 101]]);
    await clock.advance(20_000);
    changes.length = 0;
    await clock.advance(60_000);
    expect(changes).toEqual([]);
    proxmox.touch(100, (guest) => (guest.lock = 'backup'));
    await clock.advance(5_000);
    proxmox.removeGuest(101);
    await clock.advance(5_000);
    expect(changes).toEqual([[100], [101]]);
  });

  it('keeps the last good view of a cluster that does not answer, and says that it is old', async () => {
    const { clock, proxmox, observer, changes, troubles } = await world();
    proxmox.addStranger(100);
    await clock.advance(5_000);
    const at = observer.view()?.at;
    proxmox.unreachable = true;
    await clock.advance(15_000);
    expect(observer.view()).toMatchObject({ fresh: false, at, resources: { guests: [{ vmid: 100 }] } });
    expect(changes).toEqual([[100]]);
    expect(troubles).toMatchObject([{ meaning: 'noAnswer' }, { meaning: 'noAnswer' }, { meaning: 'noAnswer' }]);
    proxmox.unreachable = false;
    await clock.advance(5_000);
    expect(observer.view()).toMatchObject({ fresh: true });
    expect(troubles.at(-1)).toBeUndefined();
  });

  it('does not call a view fresh that no look has renewed for long', async () => {
    const { clock, observer } = await world();
    clock.pause(60_000);
    expect(observer.view()).toMatchObject({ fresh: false });
  });

  it('says when the answering node has no quorum', async () => {
    const { clock, proxmox, observer } = await world();
    proxmox.quorate = false;
    await clock.advance(5_000);
    expect(observer.view()).toMatchObject({ fresh: true, quorate: false });
  });

  it('shares one look among all that ask at the same time', async () => {
    const { proxmox, observer } = await world();
    proxmox.addStranger(100);
    const views = await Promise.all(Array.from({ length: 50 }, () => observer.refresh(signal)));
    expect(views.every((view) => view?.resources.guests.length === 1)).toBe(true);
    expect(proxmox.calls.get('resources')).toBeLessThanOrEqual(3);
  });

  it('answers a refresh with a look that began after it was asked for', async () => {
    const { proxmox, observer } = await world();
    const first = observer.refresh(signal);
    // The first look has asked already when this guest appears.
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    const second = observer.refresh(signal);
    proxmox.addStranger(100);
    await first;
    expect((await second)?.resources.guests).toHaveLength(1);
  });

  it('does not trust a list for proof when the node that answers has no quorum after it', async () => {
    const { proxmox, observer } = await world();
    proxmox.intercept('resources', { before: () => (proxmox.quorate = false) });
    expect(await observer.refresh(signal)).toMatchObject({ fresh: true, quorate: false });
  });

  it('answers a refresh with what it has when the cluster does not answer', async () => {
    const { proxmox, observer } = await world();
    proxmox.unreachable = true;
    expect(await observer.refresh(signal)).toMatchObject({ fresh: false });
  });

  it('lets go of a refresh whose caller gives up', async () => {
    const { observer } = await world();
    const stop = new AbortController();
    const waiting = observer.refresh(stop.signal);
    stop.abort(new Error('gave up'));
    await expect(waiting).rejects.toThrow('gave up');
  });

  it('looks more often for a while when hurried', async () => {
    const { clock, proxmox, observer } = await world();
    observer.hurry();
    await clock.advance(5_000);
    expect(proxmox.calls.get('resources')).toBe(6);
    await clock.advance(30_000);
    const calls = proxmox.calls.get('resources') ?? 0;
    await clock.advance(20_000);
    expect(proxmox.calls.get('resources')).toBe(calls + 4);
  });

  it('stops', async () => {
    const { clock, proxmox, observer } = await world();
    observer.stop();
    observer.hurry();
    await clock.advance(60_000);
    expect(proxmox.calls.get('resources')).toBe(1);
    expect(clock.nextTimerMs).toBeUndefined();
  });
});
