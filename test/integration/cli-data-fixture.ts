import { make } from '../../api/testing/api-fixture.ts';
import { Backup } from '../../crds/backup.ts';
import type { Condition } from '../../crds/condition.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { CliFixture, type Ended } from './cli-fixture.ts';

/** What loops report of a backup that was read back. */
export const taken = {
  phase: 'Completed',
  node: 'pve1',
  storage: 'nas',
  volid: 'nas:backup/vzdump-lxc-20001.tar.zst',
  sizeBytes: 12_900_000,
  checksum: 'c'.repeat(64),
  duration: '12s',
  takenAt: '2026-01-31T12:00:00.000Z',
};
/** Besides, of one that was queried. */
export const queried = { verified: true, restoreTime: '23s' };

export function condition(type: string, status: Condition['status'], message: string): object {
  const at = { observedGeneration: 1, lastTransitionTime: '2026-01-31T12:00:00.000Z' };
  return { type, status, reason: status === 'True' ? 'BackupCompleted' : 'BackupFailed', message, ...at };
}

/** The real command, and objects in the project "shop" as loops would have left them. */
export class DataFixture {
  readonly cli: CliFixture;

  private constructor(cli: CliFixture) {
    this.cli = cli;
  }

  static async create(): Promise<DataFixture> {
    return new DataFixture(await CliFixture.create());
  }

  inShop(...words: string[]): Promise<Ended> {
    return this.cli.run(...words, '-n', 'shop');
  }

  async create<R extends Resource>(kind: Kind<R>, name: string, spec: object, metadata: object = {}): Promise<R> {
    const place = { name, namespace: 'shop', ...metadata };
    return make(this.cli.api, kind, { apiVersion: 'containr.dev/v1alpha1', kind: kind.kind, metadata: place, spec });
  }

  async report<R extends Resource>(kind: Kind<R>, name: string, status: object): Promise<void> {
    const { store } = this.cli.api;
    const object = await store.get(kind, { namespace: 'shop', name });
    if (!object) throw new Error(`There is no ${kind.kind} ${name}.`);
    const next = kind.statusSchema.parse({ ...object.status, ...status });
    await store.updateStatus(kind, { ...object, status: next }, { manager: 'controller/test' });
  }

  async backup(name: string, status: object, spec: object = {}): Promise<void> {
    await this.create(Backup, name, { source: { kind: 'Database', name: 'main' }, ...spec });
    await this.report(Backup, name, status);
  }

  async all<R extends Resource>(kind: Kind<R>): Promise<R[]> {
    return (await this.cli.api.store.list(kind)).items;
  }

  async only<R extends Resource>(kind: Kind<R>): Promise<R> {
    const [one, second] = await this.all(kind);
    if (!one || second) throw new Error(`There is none or more than one of ${kind.kind}.`);
    return one;
  }
}
