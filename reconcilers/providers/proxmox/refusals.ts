import { ProxmoxFault, type ProxmoxMeaning } from './fault.ts';

/** What Proxmox answered when it refused: status, first line or whole message, and its words on single parameters. */
export interface Refusal {
  status: number;
  text: string;
  errors: Readonly<Record<string, string>>;
}

/** Proxmox answers 500 to most refusals and says why in words; they are read here and nowhere else. The first match counts. */
const texts: ReadonlyArray<readonly [RegExp, ProxmoxMeaning]> = [
  [/(?:CT|VM) is locked \((?<lock>[^)]+)\)/, 'locked'],
  [/can't (?:lock file|acquire lock) '|got lock request timeout|error: got lock timeout/, 'busy'],
  [/cluster not ready - no quorum/, 'noQuorum'],
  [/detected modified configuration|checksum mismatch \(file change by other user/, 'modified'],
  [/(?:CT|VM) \d+ already exists|refusing to override existing file/, 'exists'],
  [/Target volume key '[^']+' is already in use|disk is already at specified size/, 'exists'],
  [/(?:CT|VM) \d+ already running|container is running|can't overwrite running container/, 'running'],
  [/Cannot move in-use volume while the source CT is running/, 'running'],
  [/(?:CT|VM) \d+ not running/, 'notRunning'],
  [/protection mode enabled|cannot remove protected volume/, 'protected'],
  [/Configuration file '[^']+' does not exist|volume '[^']+' does not exist|no such task/, 'absent'],
  [/volume '[^']+' for container '\d+' does not exist/, 'absent'],
  [/no space left on device|insufficient free space|out of space|disk quota exceeded/i, 'storageFull'],
  [/There is a max backup limit of/, 'backupLimit'],
  // A fresh file system hardly fails for anything else, and the call that makes a volume has no log to look into.
  [/command 'mkfs\.ext4 .*' failed/, 'storageFull'],
  [/hostname lookup '[^']*' failed/, 'nodeUnreachable'],
  // The worker may have begun all the same: it was seen to leave a guest under `lock: create` behind.
  [/got no worker upid/, 'noAnswer'],
  [/unable to hotplug/, 'other'],
  [/(?:storage|bridge|snapshot) '[^']*' does not exist|storage '[^']*' is disabled/, 'invalid'],
  [/content type needs to be|is not configured for content-type|does not support '|wrong content type/, 'invalid'],
  [/no options specified|unable to delete required option|unable to modify read-only option/, 'invalid'],
  [
    /unable to parse|format error|malformed JSON|unable to shrink|Only root can|unable to detect OS distribution/,
    'invalid',
  ],
  [
    /Both containers need to be on the same node|Cannot move volume used by a snapshot|Storage does not support moving/,
    'invalid',
  ],
  [/checksum mismatch: got '|startup for container '\d+' failed/, 'invalid'],
];

/** The fault for a refusal; `what` says what was asked, as in "create guest 100 on node pve1". */
export function faultOf(refusal: Refusal, what: string): ProxmoxFault {
  const said = wordsOf(refusal);
  // Who asked counts before what was asked for.
  const known = refusal.status === 401 || refusal.status === 403 ? undefined : readText(said);
  const meaning = known?.meaning ?? meaningOfStatus(refusal.status);
  const missing = meaning === 'forbidden' ? missingIn(said) : undefined;
  const message = [`Proxmox refused to ${what}: ${said || `status ${refusal.status}`}.`, advice(meaning, missing)];
  return new ProxmoxFault(meaning, message.filter(Boolean).join(' '), {
    ...(known?.lock !== undefined && { lock: known.lock }),
    ...(missing !== undefined && { missing }),
  });
}

/** What the text that a task ended with means. */
export function meaningOfExit(exit: string): ProxmoxMeaning {
  return readText(exit)?.meaning ?? 'other';
}

/** Why a backup failed, from the log of its task; without a line that says so, the text that the task ended with. */
export function backupRefusal(log: readonly string[], exit: string): { meaning: ProxmoxMeaning; words: string } {
  const line = log.findLast((one) => /^ERROR: Backup of VM \d+ failed - /.test(one));
  const words = (line?.replace(/^ERROR: Backup of VM \d+ failed - /, '') ?? exit).replaceAll(/\s+/g, ' ').slice(0, 800);
  const meaning = readText(words)?.meaning ?? log.map(meaningOfExit).find((one) => one === 'storageFull') ?? 'other';
  return { meaning, words };
}

function readText(text: string): { meaning: ProxmoxMeaning; lock: string | undefined } | undefined {
  for (const [words, meaning] of texts) {
    const match = words.exec(text);
    if (match) return { meaning, lock: match.groups?.['lock'] };
  }
  return undefined;
}

function meaningOfStatus(status: number): ProxmoxMeaning {
  switch (status) {
    case 401:
      return 'unauthenticated';
    case 403:
      return 'forbidden';
    // Pseudo statuses of a hop between nodes. At 595 nothing was sent; after that the work may be going on.
    case 595:
      return 'nodeUnreachable';
    case 596:
    case 597:
    case 598:
    case 599:
    case 502:
    case 503:
    case 504:
      return 'noAnswer';
    case 400:
    case 501:
    case 506:
      return 'invalid';
    default:
      return 'other';
  }
}

function missingIn(text: string): string | undefined {
  return /Permission check failed \((\/[^)]*)\)/.exec(text)?.[1];
}

/** One line: the text, then what it says of single parameters. */
function wordsOf({ text, errors }: Refusal): string {
  const fields = Object.entries(errors).map(([name, words]) => `${name}: ${words}`);
  return [text, ...fields]
    .map((words) => words.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, ''))
    .filter(Boolean)
    .join('; ')
    .slice(0, 800);
}

/** What a person can do about it; empty where waiting is all. */
function advice(meaning: ProxmoxMeaning, missing: string | undefined): string {
  switch (meaning) {
    case 'unauthenticated':
      return 'Check the id and the secret of the API token, and whether it is expired or disabled.';
    case 'forbidden': {
      const [path, privileges] = missing?.split(', ') ?? [];
      if (privileges === undefined) return 'The API token, and its user, lack a privilege for this.';
      return `Give the API token and its user ${privileges.replaceAll('|', ' or ')} on ${path}.`;
    }
    case 'noQuorum':
      return 'Nothing can be changed until enough nodes of the cluster are back.';
    case 'nodeUnreachable':
      return 'Check that the node is up and that the other nodes reach it.';
    case 'noAnswer':
      return 'If this was a change, it may have been made all the same.';
    case 'storageFull':
      return 'Free space on the storage, or name another one.';
    case 'backupLimit':
      return 'Raise the limit of the storage for backups of one guest, or delete old ones.';
    case 'protected':
      return 'Take the protection off in Proxmox if this is meant.';
    case 'locked':
      return 'Proxmox removes the lock when the work under way ends; if none is, run "pct unlock" with the id on its node.';
    case 'absent':
    case 'exists':
    case 'busy':
    case 'modified':
    case 'running':
    case 'notRunning':
    case 'invalid':
    case 'certificate':
    case 'other':
      return '';
    default:
      return meaning satisfies never;
  }
}
