/** A mount point of a guest, as `mpN` says it. */
export interface MountPoint {
  /** Volid of the volume; `STORAGE:GIB` makes a new one. */
  volume: string;
  /** Where the guest sees it. */
  path: string;
  readOnly: boolean;
  /** As Proxmox wrote it: "5G". Only for people; the storage has the true size. */
  size?: string | undefined;
}

const units: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `mpN` as Proxmox writes it. Its backups have what is on it. */
export function mountText({ volume, path, readOnly, size }: MountPoint): string {
  return [volume, `mp=${path}`, 'backup=1', readOnly && 'ro=1', size !== undefined && `size=${size}`]
    .filter((part) => part !== false)
    .join(',');
}

/** Reads an `mpN`, or an `unusedN`, which is a volid alone and has no path. */
export function parseMount(text: string): MountPoint {
  const [first = '', ...parts] = text.split(',');
  const values = new Map(
    parts.map((part) => {
      const equals = part.indexOf('=');
      return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
    }),
  );
  return {
    volume: first.replace(/^volume=/, ''),
    path: values.get('mp') ?? '',
    readOnly: values.get('ro') === '1',
    size: values.get('size'),
  };
}

/** Bytes of a size as Proxmox writes it ("5G", "1124M"); undefined when it is none. */
export function mountBytes(size: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(size ?? '') ?? [];
  return digits === undefined ? undefined : Math.floor(Number(digits) * (units[unit] ?? 1));
}

/** Why a guest cannot have a volume at this path; undefined when it can. Pure. */
export function mountPathProblem(path: string): string | undefined {
  if (path.includes(',')) return 'Proxmox takes no comma in the path of a mount';
  if (/^\/*$/.test(path)) return 'a volume cannot take the place of the root directory';
  if (path.split('/').some((part) => part === '.' || part === '..'))
    return 'the path of a mount must not have "." in it';
  if (path !== path.trim()) return 'Proxmox keeps no space at the end of the path of a mount';
  return undefined;
}

/** The lowest `mpN` that is in use neither in the config nor by the name of a reservation. Pure. */
export function freeMountKey(taken: ReadonlySet<string>): string | undefined {
  for (let index = 0; index <= 255; index += 1) if (!taken.has(`mp${index}`)) return `mp${index}`;
  return undefined;
}
