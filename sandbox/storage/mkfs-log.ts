import { randomUUID } from 'node:crypto';

const blockBytes = 4096;
const groupBlocks = 32_768;

/** What mkfs.ext4 says about a new file system of this size. */
export function mkfsLines(sizeBytes: number): string[] {
  const blocks = Math.floor(sizeBytes / blockBytes);
  const groups = Math.ceil(blocks / groupBlocks);
  const inodes = Math.ceil(blocks / 4 / groups / 8) * 8 * groups;
  const lines = [
    `Creating filesystem with ${blocks} 4k blocks and ${inodes} inodes`,
    `Filesystem UUID: ${randomUUID()}`,
  ];
  if (groups > 1) lines.push('Superblock backups stored on blocks: ', ...backupLines(groups));
  return lines;
}

/** Backups lie in group 1 and in those whose number is a power of 3, 5 or 7. */
function backupLines(groups: number): string[] {
  const numbers = [1];
  for (const base of [3, 5, 7]) for (let group = base; group < groups; group *= base) numbers.push(group);
  const starts = numbers.sort((a, b) => a - b).map((group) => String(group * groupBlocks));
  const lines: string[] = [];
  let line = '\t';
  for (const [index, start] of starts.entries()) {
    const item = index === starts.length - 1 ? start : `${start}, `;
    if (line.length + item.length + 7 > 80) {
      lines.push(line);
      line = '\t';
    }
    line += item;
  }
  return [...lines, line];
}
