import type { RecordedCall } from './reference.ts';
import type { ReplayedCluster } from './replayed-cluster.ts';

/** Recorded lines that are not replayed, by their numbers, with the reason. */
const outside: ReadonlyArray<[reason: string, ...lines: Array<number | [from: number, to: number]>]> = [
  ['clone is not served', 109, [581, 590]],
  ['firewall is not served', 110],
  ['suspend and resume are not served', [436, 440]],
  ['snapshots of storages that can take them are not served', 550, [552, 562], [564, 580]],
  ['pulls from a registry are not served', 256, 336, [732, 751], [761, 776]],
  ['the statistics are of an earlier guest with this number, from before the recording', 277],
  ['the lock of a backup was not there yet when the recording asked', 618],
  ['tasks are listed that are not served', 792, 794],
  ['the history is of machines that ran before the recording', 491],
];

/** Why a recorded line is not replayed; undefined for those that are. */
export function excuseFor({ n }: RecordedCall): string | undefined {
  return outside.find(([, ...lines]) =>
    lines.some((line) => (typeof line === 'number' ? line === n : line[0] <= n && n <= line[1])),
  )?.[0];
}

/** Brings about what the recording did between its requests. */
export async function preparationFor(
  { n, path }: RecordedCall,
  { sandbox, place, images }: ReplayedCluster,
): Promise<void> {
  if (n === 320) sandbox.setAcl('/sdn/zones/localnetwork', 'dev@pve', 'PVESDNUser');
  if (n === 321) sandbox.setAcl('/storage/local', 'dev@pve', 'PVEDatastoreUser');
  if (n === 422) sandbox.admin.unlock(103);
  if (n === 707) await sandbox.settle();
  if (n === 752) {
    for (const name of ['my_web_1.tar', 'shop_2.0.tar', 'web_latest.tar']) {
      await place(name, images['web_1.0.tar'] ?? Buffer.alloc(0));
    }
  }
  if (path.includes('/cluster/resources')) await sandbox.tick();
}
