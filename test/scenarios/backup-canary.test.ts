import { expect, it } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Build } from '../../crds/build.ts';
import { Database } from '../../crds/database.ts';
import type { Kind } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import type { FakeProxmox } from '../../reconcilers/providers/proxmox/fake.ts';
import { DataWorld } from './data-world.ts';

/** Records all that is said to Proxmox from now on. */
function listen(proxmox: FakeProxmox): unknown[] {
  const calls: unknown[] = [];
  const backUp = proxmox.backUp.bind(proxmox);
  const restoreGuest = proxmox.restoreGuest.bind(proxmox);
  const createGuest = proxmox.createGuest.bind(proxmox);
  const configureGuest = proxmox.configureGuest.bind(proxmox);
  proxmox.backUp = (...said) => (calls.push(said.slice(0, -1)), backUp(...said));
  proxmox.restoreGuest = (...said) => (calls.push(said.slice(0, -1)), restoreGuest(...said));
  proxmox.createGuest = (...said) => (calls.push(said.slice(0, -1)), createGuest(...said));
  proxmox.configureGuest = (...said) => (calls.push(said.slice(0, -1)), configureGuest(...said));
  return calls;
}

it('says no password of a database anywhere but in Secrets, over backups and restores that go well and wrong', async () => {
  const here = new DataWorld();
  await here.begin();
  const calls = listen(here.proxmox);
  await here.born();
  await here.born('other');
  await here.backUp('dumped', { mode: 'dump', verify: true });
  await here.world.runUntilQuiet();
  await here.backUp('copied', { verify: true });
  await here.world.runUntilQuiet();
  await here.restore('back', 'dumped');
  await here.world.runUntilQuiet();
  await here.restore('anew', 'copied', 'copy');
  await here.world.runUntilQuiet();
  here.broken.set('dump', { output: 'pg_dump: wrong password', code: 1 });
  await here.backUp('failed', { mode: 'dump' });
  here.proxmox.planTask('vzdump', { exit: 'job errors' });
  await here.backUp('failed-too', {}, 'copy');
  await here.world.runUntilQuiet();
  for (const { isDamaged: _, ...archive } of here.archives)
    here.backups.backups.set(archive.volid, { ...archive, isDamaged: true });
  await here.restore('damaged', 'copied', 'copy');
  await here.world.runUntilQuiet();
  expect(await here.said(Restore, 'back')).toContain('Completed');
  expect(await here.said(Backup, 'failed')).toContain('Failed');
  expect(await here.said(Restore, 'damaged')).toContain('Failed');

  const passwords = [...new Set((await here.all(Secret)).map(({ spec }) => spec.data['password'] ?? ''))];
  expect(passwords.length).toBeGreaterThan(1);
  expect(passwords).not.toContain('');
  const kinds: readonly Kind[] = [Backup, Restore, Database, Guest, Volume, Build];
  const objects = (await Promise.all(kinds.map((kind) => here.store.list(kind)))).map(({ items }) => items);
  const tasks = here.runs.begun.map(({ command, id, guestUid }) => ({ command, id, guestUid }));
  const places: Record<string, unknown> = {
    objects,
    events: here.world.events.map(({ type, reason, message }) => ({ type, reason, message })),
    calls,
    notes: here.archives.map(({ notes, volid }) => ({ notes, volid })),
    configs: here.archives.map(({ config }) => config),
    guests: [...here.proxmox.guests.values()].map(({ config, startedWith }) => ({ config, startedWith })),
    tasks,
    logs: [...here.logs.lines],
  };
  for (const [place, content] of Object.entries(places)) {
    const text = JSON.stringify(content);
    expect(text.length, place).toBeGreaterThan(2);
    for (const password of passwords)
      for (const form of [password, encodeURIComponent(password), Buffer.from(password).toString('base64')])
        expect(text.includes(form), `${place} has the password of a database`).toBe(false);
  }
  here.dispose();
});
