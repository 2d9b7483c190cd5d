import { z } from 'zod';

/** Whose a guest is, as written on it. */
export interface GuestMarks {
  installation: string;
  /** Uid of the Guest object. */
  uid: string;
}

/**
 * All that is written on a guest of ours, for people and for a controller that lost its store: with it and the same manifests
 * the guest is found again. No secret is in it.
 */
export interface GuestIdentity extends GuestMarks {
  /** Whose object the uid is of. A keeper belongs to its Volume. */
  kind: 'Guest' | 'Volume';
  project: string;
  /** Of the object. */
  name: string;
  /** What it is a guest of: `Service/web`, `Job/...`, `Database/main`. */
  owner?: string | undefined;
  /** Digest of the archive that its root disk was made from. */
  archive?: string | undefined;
  /** Path in the guest -> name of the Volume that is mounted there. */
  volumes?: Readonly<Record<string, string>> | undefined;
  /** A keeper whose Volume object was deleted, and which was to be retained. */
  retained?: boolean | undefined;
}

/** What can be read of a guest's marks. `none`: no mark of any Containr. */
export type MarksReading = 'ours' | 'none' | 'another';

const uidTag = 'containr-g-';
const installationTag = 'containr-i-';
const describedAs = /^containr-identity: (\{.*\})$/m;

const Described = z.object({ installation: z.string(), uid: z.string() });
const DescribedIdentity = Described.extend({
  kind: z.enum(['Guest', 'Volume']),
  project: z.string(),
  name: z.string(),
  owner: z.string().optional(),
  archive: z.string().optional(),
  volumes: z.record(z.string(), z.string()).optional(),
  retained: z.boolean().optional(),
});

/** The tags of a guest of ours, as Proxmox stores them: lower-case and sorted. */
export function tagsFor({ installation, uid }: GuestMarks): string[] {
  return ['containr', `${uidTag}${uid}`, `${installationTag}${installation}`].sort();
}

/** The description of a guest of ours: words for people and a line for us. */
export function descriptionFor(identity: GuestIdentity, words = wordsFor(identity)): string {
  return `${words}\n\ncontainr-identity: ${JSON.stringify(ordered(identity))}`;
}

/** What a description says of its guest; undefined for one of no Containr, and for one of before there was more than the uid. */
export function readIdentity(description: string | undefined): GuestIdentity | undefined {
  return readDescribed(description, DescribedIdentity);
}

/**
 * Reads the marks of a guest. Tags and description each suffice, so that a hand that removes one of them does not make the
 * guest a stranger. A mark that names another owner makes it another's, whatever else it carries.
 */
export function readMarks(
  marks: GuestMarks,
  guest: { tags: readonly string[]; description?: string | undefined },
): MarksReading {
  const found: boolean[] = [];
  for (const tag of guest.tags) {
    if (tag.startsWith(uidTag)) found.push(tag === `${uidTag}${marks.uid}`);
    if (tag.startsWith(installationTag)) found.push(tag === `${installationTag}${marks.installation}`);
  }
  const described = readDescription(guest.description);
  if (described) found.push(described.uid === marks.uid && described.installation === marks.installation);
  if (found.length === 0) return 'none';
  return found.every(Boolean) ? 'ours' : 'another';
}

/** The guest's uid by its tags alone, which a cluster list shows. */
export function uidInTags(tags: readonly string[], installation: string): string | undefined {
  if (!tags.includes(`${installationTag}${installation}`)) return undefined;
  return tags.find((tag) => tag.startsWith(uidTag))?.slice(uidTag.length);
}

function wordsFor({ kind, project, name, owner, volumes = {} }: GuestIdentity): string {
  if (kind === 'Volume')
    return `Keeps the volume ${name} of the project ${project} while no guest has it. Never started.`;
  const [of = '', ...rest] = owner?.split('/') ?? [];
  const held = Object.entries(volumes).map(([path, volume]) => `${volume} at ${path}`);
  return [
    `Guest ${name}${owner === undefined ? '' : ` of the ${of.toLowerCase()} ${rest.join('/')}`} in the project ${project}, managed by Containr.`,
    ...(held.length > 0 ? [`Volumes: ${held.join(', ')}.`] : []),
    'Changes made here by hand are noticed: containr drift list.',
  ].join(' ');
}

/** In one order, so that the same identity always has the same words. */
function ordered({
  installation,
  uid,
  kind,
  project,
  name,
  owner,
  archive,
  volumes = {},
  retained,
}: GuestIdentity): object {
  const mounts = Object.entries(volumes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    installation,
    uid,
    kind,
    project,
    name,
    owner,
    archive,
    ...(mounts.length > 0 && { volumes: Object.fromEntries(mounts) }),
    ...(retained && { retained }),
  };
}

function readDescription(description: string | undefined): GuestMarks | undefined {
  return readDescribed(description, Described);
}

function readDescribed<T>(description: string | undefined, schema: z.ZodType<T>): T | undefined {
  const [, json] = describedAs.exec(description ?? '') ?? [];
  if (json === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
