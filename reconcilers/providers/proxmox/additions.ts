import type { Proxmox } from 'proxmox-api';

type NodeApi = ReturnType<Proxmox.Api['nodes']['$']>;
type GuestApi = ReturnType<NodeApi['lxc']['$']>;
type StorageApi = ReturnType<NodeApi['storage']['$']>;

/** What PVE 9.1 brought for guests made from OCI images. */
interface ApplicationParams {
  entrypoint?: string;
  /** NAME=value entries joined by NUL. */
  env?: string;
}

/** A disk of a guest as the API names it. */
export type MountKey = Extract<Parameters<GuestApi['resize']['$put']>[0]['disk'], `mp${number}`>;
export type VolumeKey = Exclude<Parameters<GuestApi['move_volume']['$post']>[0]['volume'], 'rootfs'>;

// The calls of proxmox-api's model whose parameters are of an older API, with what they lack.
export type CreateParams = Parameters<NodeApi['lxc']['$post']>[0];
export type RestoreParams = CreateParams & ApplicationParams;
export type ConfigParams = NonNullable<Parameters<GuestApi['config']['$put']>[0]> & ApplicationParams;
export type StopParams = NonNullable<Parameters<GuestApi['status']['stop']['$post']>[0]> & {
  /** Ends a shutdown of ours that is still waiting. */
  'overrule-shutdown'?: boolean;
};
export type BackupParams = NonNullable<Parameters<NodeApi['vzdump']['$post']>[0]> & {
  'notification-mode'?: 'auto' | 'legacy-sendmail' | 'notification-system';
};
export type UploadParams = Parameters<StorageApi['upload']['$post']>[0];
export type DownloadParams = Parameters<StorageApi['download-url']['$post']>[0];
