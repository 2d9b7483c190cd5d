import { z } from 'zod';

/** One storage of the cluster, as `storage.cfg` would have it. */
export const StorageDefinition = z.object({
  name: z.string().regex(/^[a-z][a-z0-9\-_.]*[a-z0-9]$/i),
  type: z.enum(['dir', 'btrfs']).default('dir'),
  content: z.array(z.enum(['images', 'rootdir', 'vztmpl', 'iso', 'backup', 'snippets', 'import'])),
  /** One folder for all nodes. */
  shared: z.boolean().default(false),
  disabled: z.boolean().default(false),
  /** Only on these nodes; everywhere when left out. */
  nodes: z.array(z.string()).optional(),
  /** The path that Proxmox's texts show; the files lie in the data folder. */
  shownPath: z.string().startsWith('/'),
  /** How much fits; the size of the disk underneath when left out. */
  totalBytes: z.int().positive().optional(),
});
export type StorageDefinition = z.infer<typeof StorageDefinition>;

/** What a fresh node has. */
export const localStorage: StorageDefinition = {
  name: 'local',
  type: 'dir',
  content: ['vztmpl', 'backup', 'iso', 'rootdir', 'images', 'snippets', 'import'],
  shared: false,
  disabled: false,
  shownPath: '/var/lib/vz',
};
