import { expect } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { engines } from '../../reconcilers/database/engines/engines.ts';
import { createFakeDatabaseClient } from '../../reconcilers/providers/database/fake.ts';
import type { DatabaseTarget } from '../../reconcilers/providers/database/client.ts';
import { restoreReconciler } from '../../reconcilers/restore/reconciler.ts';
import { SAFEGUARD_OF } from '../../reconcilers/shared/volume-login.ts';
import type { CrashPoint } from '../harness/crash.ts';
import type { DatabaseHost } from './database-host.ts';
import { DatabaseWorld, plainSecrets } from './database-world.ts';

export const CHECKSUM = 'c'.repeat(64);
/** The password in the backup: not the one that the database has by now. */
export const OLD = 'as it was on monday';

/** A database, a good backup of it from earlier, and the loop of restores. */
export class RestoreWorld extends DatabaseWorld {
  /** What reading a restored disk comes to. */
  digest = CHECKSUM;
  /** The database itself refuses what was restored, though the throwaway guest answers. */
  isRefused = false;

  constructor({ crash }: { crash?: CrashPoint | undefined } = {}) {
    super({
      crash,
      more: ({ reach, read, resourcesFor }) => [
        restoreReconciler({
          resources: resourcesFor(Restore),
          links: reach({
            run: async () => ({ state: 'exited', code: 0, sizeBytes: 80, sha256: '', tail: `${this.digest} 3 4096` }),
          }),
          database: reach(createFakeDatabaseClient((target) => this.answer(target))),
          engines,
          readSecret: plainSecrets(read),
          seal: (_, value) => value,
        }),
      ],
    });
  }

  override answer(target: DatabaseTarget): ReturnType<DatabaseHost['answer']> {
    const guest = this.host.running().find(({ address }) => address === target.host);
    const isRestored = guest?.volume === 'friday-restored' && !guest.name.startsWith('friday');
    if (this.isRefused && isRestored) return { denied: true, why: 'not with these data' };
    return super.answer(target);
  }

  /** The password that the database is set up with, and its address. */
  async born(spec: Record<string, unknown> = {}): Promise<{ password: string; endpoint: string | undefined }> {
    await this.create(Database, 'main', { engine: 'postgresql', version: '17', ...spec });
    await this.world.runUntilQuiet();
    expect(await this.said()).toContain('True Answering');
    const { data } = (await this.get(Secret, 'main-credentials')).spec;
    return { password: data['password'] ?? '', endpoint: (await this.get(Database, 'main')).status.endpoint };
  }

  async backUp(status: Record<string, unknown> = {}, name = 'monday'): Promise<void> {
    this.host.archives.set(name, OLD);
    await this.create(Secret, `${name}-credentials`, { data: { username: 'app', password: OLD, database: 'old' } });
    const backup = await this.create(Backup, name, { source: { kind: 'Database', name: 'main' } });
    const whole = Backup.statusSchema.parse({
      phase: 'Completed',
      engine: 'postgresql',
      version: '17.5',
      checksum: CHECKSUM,
      origin: { uid: 'x', region: 'default', plan: 'starter', size: '5Gi', mountPath: '/var/lib/postgresql' },
      credentialsSecretRef: { name: `${name}-credentials` },
      ...status,
    });
    await this.store.updateStatus(Backup, { ...backup, status: whole }, { manager: 'test' });
  }

  async restore(target = 'main', name = 'friday', backup = 'monday'): Promise<void> {
    await this.create(Restore, name, { backup, target: { kind: 'Database', name: target } });
  }

  async outcome(name = 'friday'): Promise<string> {
    const { status } = await this.get(Restore, name);
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    return `${status.phase} ${ready?.reason}: ${ready?.message}`;
  }

  /** One guest with one volume, the login that fits it, and the truth in the status. */
  async expectServing(volume: string, password: string, name = 'main'): Promise<Database['status']> {
    expect(await this.said('Ready', name)).toContain('True Answering');
    const { metadata, status } = await this.get(Database, name);
    expect(status).toMatchObject({ phase: 'Running', volume });
    const guests = (await this.all(Guest)).filter(({ metadata: of }) => of.ownerReferences?.[0]?.uid === metadata.uid);
    expect(guests).toMatchObject([{ spec: { mounts: [{ volume }] } }]);
    const { data } = (await this.get(Secret, `${name}-credentials`)).spec;
    expect(data['password']).toBe(password);
    expect(data['url']).toContain(encodeURIComponent(password));
    expect(this.host.disks.get(volume)).toBe(password);
    expect((await this.get(Volume, volume)).metadata.ownerReferences).toMatchObject([{ name, controller: true }]);
    return status;
  }

  /** Kept, whole, with the login that it knows, and nobody's. */
  async expectKept(volume: string, password: string): Promise<void> {
    const { metadata, spec } = await this.get(Volume, volume);
    expect(metadata.ownerReferences ?? []).toEqual([]);
    expect(metadata.labels?.[SAFEGUARD_OF]).toBe('main');
    expect(spec.retain).toBe(true);
    expect(spec.guest).toBeUndefined();
    expect(this.host.disks.get(volume)).toBe(password);
    expect((await this.get(Secret, `${volume}-credentials`)).spec.data['password']).toBe(password);
  }
}
