import type { Reason } from '../../crds/reasons.ts';
import type { Volume } from '../../crds/volume.ts';
import type { MountPoint } from '../providers/proxmox/mount.ts';
import type { HolderOfOurs } from './holder.ts';
import type { VolumeFacts } from './observe.ts';
import type { SourceBackup, VolumeSource } from './source.ts';
import type { Wanted } from './wanted.ts';

/** A volume seen in the config of a guest that is proven ours. */
export interface Standing {
  holder: HolderOfOurs;
  key: string;
  mount: MountPoint;
}

/** What a pass does next about its volume. */
export type VolumePlan =
  | { do: 'nothing' }
  | { do: 'wait'; reason: Reason; message: string; checkAfterMs: number }
  | { do: 'stall'; reason: Reason; message: string }
  /** Make it with its keeper, out of a backup. */
  | { do: 'restore'; backup: SourceBackup }
  /** A keeper that was restored has more than it is to have. */
  | { do: 'strip'; holder: HolderOfOurs }
  /** Choose a place in a guest's config, and save it. */
  | { do: 'claim'; vmid: number; node: string; guest: { name: string; uid: string } | undefined }
  /** Forget a place that was chosen. */
  | { do: 'giveUp' }
  | { do: 'allocate'; target: HolderOfOurs; path: string; readOnly: boolean }
  | { do: 'move'; from: Standing; target: HolderOfOurs }
  /** Put it where its guest expects it. */
  | { do: 'mount'; at: Standing; path: string; readOnly: boolean }
  /** It is where it was to go: note it as its place. */
  | { do: 'arrive'; at: Standing }
  | { do: 'grow'; at: Standing; sizeGiB: number }
  /** No config names it: look for it on the storage. */
  | { do: 'recover'; holder: HolderOfOurs }
  | { do: 'reserveKeeper' }
  | { do: 'makeKeeper'; node: string }
  | { do: 'destroyKeeper'; keeper: HolderOfOurs }
  | { do: 'forgetKeeper' }
  /** For deletion: from a mount to unused, from unused to nothing. */
  | { do: 'remove'; at: Standing }
  /** For deletion: it is parked for good. */
  | { do: 'retain'; keeper: HolderOfOurs };

export interface PlanInput {
  volume: Volume;
  status: Volume['status'];
  facts: VolumeFacts;
  wanted: Wanted;
  /** Undefined for a volume that begins empty, or was made. */
  source?: VolumeSource | undefined;
  /** Nobody needs it where it is. */
  released: boolean;
  now: Date;
}
