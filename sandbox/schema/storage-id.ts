/** A volume's name split into its storage and the rest. */
export interface VolumeId {
  storage: string;
  name: string;
}

/** True for what may be a storage's name. */
export function parseStorageId(value: string): boolean {
  return /^[a-z][a-z0-9\-_.]*[a-z0-9]$/i.test(value);
}

/** `local:100/vm-100-disk-0.raw` and the like; undefined for what names no volume of a storage. */
export function parseVolumeId(value: string): VolumeId | undefined {
  const parts = /^([a-z][a-z0-9\-_.]*[a-z0-9]):(.+)$/is.exec(value);
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
  return { storage: parts[1], name: parts[2] };
}
