/** Where two answers differ, in words; empty when they are the same but for what is another each time. */
export function compareBodies(recorded: unknown, ours: unknown): string[] {
  return compareValues(recorded, ours, '');
}

/** Numbers that depend on the machine or the moment. */
const changing =
  /^(pid|pstart|starttime|endtime|ctime|snaptime|size|used|total|avail|used_fraction|cpu|mem|disk|maxdisk|netin|netout|diskread|diskwrite|uptime|time|saved|pressure\w+)$/;
/** Of a node, its capacity too. */
const changingOnNodes = /^(maxcpu|maxmem|cgroup-mode)$/;
/** Facts about the machine that the answers were recorded on. */
const ofMachine =
  /^(cpuinfo|current-kernel|kversion|loadavg|memory|rootfs|swap|ksm|wait|idle|boot-info|ssl_fingerprint|ticket|CSRFPreventionToken|dns1|ip|cidr|address|netmask|priority)$/;

function compareValues(recorded: unknown, ours: unknown, path: string): string[] {
  if (Array.isArray(recorded) && Array.isArray(ours)) return compareLists(recorded, ours, path);
  if (isRecord(recorded) && isRecord(ours)) return compareRecords(recorded, ours, path);
  if (typeof recorded === 'string' && typeof ours === 'string') {
    const [a, b] = [normalizeText(recorded), normalizeText(ours)];
    return a === b ? [] : [`${path}: recorded ${JSON.stringify(a)}, ours ${JSON.stringify(b)}`];
  }
  return recorded === ours ? [] : [`${path}: recorded ${JSON.stringify(recorded)}, ours ${JSON.stringify(ours)}`];
}

function compareRecords(recorded: Record<string, unknown>, ours: Record<string, unknown>, path: string): string[] {
  const isNode = recorded['type'] === 'node' || 'cpuinfo' in recorded;
  const keys = new Set([...Object.keys(recorded), ...Object.keys(ours)]);
  return [...keys].flatMap((key) => {
    const place = `${path}.${key}`;
    if (!(key in recorded)) return [`${place}: only ours has it`];
    if (!(key in ours)) return [`${place}: only the recorded answer has it`];
    const isChanging = changing.test(key) || (isNode && changingOnNodes.test(key));
    if (isChanging || ofMachine.test(key)) return [];
    if (key === 'digest' || (key === 'value' && recorded['key'] === 'digest')) return [];
    if (key === 'content') return compareValues(sortedList(recorded[key]), sortedList(ours[key]), place);
    return compareValues(recorded[key], ours[key], place);
  });
}

function compareLists(recorded: unknown[], ours: unknown[], path: string): string[] {
  const [a, b] = [sorted(recorded), sorted(ours)];
  if (a.length !== b.length) {
    return [`${path}: recorded ${a.length} entries, ours ${b.length}: ${names(a)} | ${names(b)}`];
  }
  return a.flatMap((value, index) => compareValues(value, b[index], `${path}[${index}]`));
}

/** Lists of things with names come in any order; lines of a log and raw keys have theirs. */
function sorted(items: unknown[]): unknown[] {
  return [...items].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : orderOf(a) > orderOf(b) ? 1 : 0));
}

function orderOf(item: unknown): string {
  if (!isRecord(item)) return '';
  if (typeof item['n'] === 'number') return String(item['n']).padStart(8, '0');
  if ('upid' in item) return '';
  for (const key of ['id', 'volid', 'storage', 'key', 'vmid', 'name', 'subdir', 'iface', 'node']) {
    if (key in item) return String(item[key]);
  }
  return '';
}

function names(items: unknown[]): string {
  return items.map((item) => orderOf(item) || JSON.stringify(item).slice(0, 60)).join(', ');
}

function sortedList(value: unknown): unknown {
  return typeof value === 'string' ? value.split(',').sort().join(',') : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const replacements: ReadonlyArray<[RegExp, string]> = [
  [/UPID:([^:]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:/g, 'UPID:$1:PID:'],
  [/\b([0-9A-F]{2}:){5}[0-9A-F]{2}\b/gi, 'MAC'],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID'],
  [/\b[0-9a-f]{64}\b/g, 'SHA256'],
  [/\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d/g, 'STAMP'],
  [/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?/g, 'TIME'],
  [/\(\d\d:\d\d:\d\d\)/g, '(DURATION)'],
  [/fe80::be24:11ff:[0-9a-f]+:[0-9a-f]+/g, 'LINK-LOCAL'],
  [/(Total bytes (?:read|written)): \d+ \(.*\)/g, '$1: BYTES'],
  [/file size is: \d+/g, 'file size is: BYTES'],
  [/archive file size: \d+MB/g, 'archive file size: MB'],
  [/transferred [\d.]+\w* bytes in \d+s/g, 'transferred BYTES'],
  [/online again after <?\d+ seconds/g, 'online again after SECONDS'],
  [/\/proc\/\d+\/root/g, '/proc/PID/root'],
  [/(\/var)?\/var\/tmp\/pveupload-[0-9a-f]+/g, 'UPLOAD'],
  [/(e2fsck|resize2fs) [\d.]+ \([\w-]+\)/g, '$1 VERSION'],
  [/: \d+\/\d+ files \([\d.]+% non-contiguous\), \d+\/\d+ blocks/g, ': CHECKED'],
  [/(failed to get address info for: \S+: ).*/g, '$1RESOLVER'],
  [/unable to hotplug mp0: .*/g, 'unable to hotplug mp0'],
];

/** Options of a command line in one order, and what is another each time as one word. */
function normalizeText(text: string): string {
  let result = text;
  for (const [pattern, word] of replacements) result = result.replaceAll(pattern, word);
  const job = /^INFO: starting new backup job: vzdump (\d+) (--.*)$/.exec(result);
  if (!job) return result.trimEnd();
  const options = (job[2] ?? '').split(/ (?=--)/).sort();
  return `backup job ${job[1]} ${options.join(' ')}`;
}
