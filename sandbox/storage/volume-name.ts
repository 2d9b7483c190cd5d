import { Refusal } from '../refusal.ts';

/** What a volume of a directory storage is, read from its name. */
export interface VolumeName {
  content: 'vztmpl' | 'iso' | 'backup' | 'snippets' | 'import' | 'images';
  /** File name without folders. */
  file: string;
  /** The guest it belongs to, for backups and disks. */
  owner: number | undefined;
  format: string;
}

const template = /^vztmpl\/([^/]+\.tar(?:\.(gz|xz|zst|bz2))?)$/;
const iso = /^iso\/([^/]+\.(?:iso|img))$/i;
const backup = /^backup\/([^/]+\.(tar|tgz|vma)(?:\.(gz|lzo|zst))?)$/;
const disk = /^(\d+)\/((?:vm|base|subvol)-(\d+)-[^/\s]+\.(raw|qcow2|vmdk|subvol))$/;
const anyDisk = /^(\d+)\/([^/\s]+\.(raw|qcow2|vmdk|subvol))$/;

/** Takes a volume's name apart as Proxmox does for directories. Throws its refusal for a name of no known form. */
export function parseVolumeName(name: string): VolumeName {
  const asTemplate = template.exec(name);
  if (asTemplate?.[1] !== undefined) {
    return { content: 'vztmpl', file: asTemplate[1], owner: undefined, format: templateFormat(asTemplate[2]) };
  }
  const asIso = iso.exec(name);
  if (asIso?.[1] !== undefined) return { content: 'iso', file: asIso[1], owner: undefined, format: 'iso' };
  const asBackup = backup.exec(name);
  if (asBackup?.[1] !== undefined) {
    const owner = /^vzdump-(?:lxc|qemu)-(\d+)-/.exec(asBackup[1])?.[1];
    const format = asBackup[1].replace(/^.*?\.(?=(?:tar|tgz|vma)\b)/, '');
    return { content: 'backup', file: asBackup[1], owner: owner === undefined ? undefined : Number(owner), format };
  }
  const asDisk = disk.exec(name) ?? anyDisk.exec(name);
  if (asDisk?.[1] !== undefined && asDisk[2] !== undefined) {
    return { content: 'images', file: asDisk[2], owner: Number(asDisk[1]), format: asDisk.at(-1) ?? 'raw' };
  }
  const other = /^(snippets|import)\/([^/]+)$/.exec(name);
  if (other?.[2] !== undefined) {
    return { content: other[1] === 'import' ? 'import' : 'snippets', file: other[2], owner: undefined, format: 'raw' };
  }
  throw new Refusal(`unable to parse directory volume name '${name}'`);
}

/** `.tar.zst` is shown as `tzst`, and so on. */
function templateFormat(compression: string | undefined): string {
  if (compression === undefined) return 'tar';
  return `t${compression === 'zst' ? 'zst' : compression}`;
}
