import { accessCalls } from './access-calls.ts';
import { backupCalls } from './backup-calls.ts';
import type { Call } from './call.ts';
import { clusterCalls } from './cluster-calls.ts';
import { downloadCall } from './download-call.ts';
import { guestConfigCalls } from './guest-config-calls.ts';
import { guestDiskCalls } from './guest-disk-calls.ts';
import { guestLifeCalls } from './guest-life-calls.ts';
import { guestStatusCalls } from './guest-status-calls.ts';
import { nodeCalls } from './node-calls.ts';
import { poolCalls } from './pool-calls.ts';
import { storageCalls } from './storage-calls.ts';
import { storageContentCalls } from './storage-content-calls.ts';
import { taskCalls } from './task-calls.ts';
import { uploadCall } from './upload-call.ts';

/** Everything that is served; the rest answers 501. */
export const calls: readonly Call[] = [
  ...clusterCalls,
  ...nodeCalls,
  ...guestStatusCalls,
  ...guestConfigCalls,
  ...guestLifeCalls,
  ...guestDiskCalls,
  ...backupCalls,
  ...storageCalls,
  ...storageContentCalls,
  uploadCall,
  downloadCall,
  ...taskCalls,
  ...accessCalls,
  ...poolCalls,
];
