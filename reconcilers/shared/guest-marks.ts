import { z } from 'zod';

/** Whose a guest is, as written on it. */
export interface GuestMarks {
  installation: string;
  /** Uid of the Guest object. */
  uid: string;
}

/** What can be read of a guest's marks. `none`: no mark of any Containr. */
export type MarksReading = 'ours' | 'none' | 'another';

const uidTag = 'containr-g-';
const installationTag = 'containr-i-';
const describedAs = /^containr-identity: (\{.*\})$/m;

const Described = z.object({ installation: z.string(), uid: z.string() });

/** The tags of a guest of ours, as Proxmox stores them: lower-case and sorted. */
export function tagsFor({ installation, uid }: GuestMarks): string[] {
  return ['containr', `${uidTag}${uid}`, `${installationTag}${installation}`].sort();
}

/** The description of a guest of ours: a sentence for people and a line for us. No secret is in it. */
export function descriptionFor(marks: GuestMarks, name: string): string {
  return [
    `Managed by Containr as guest ${name}. Changes made here by hand are corrected.`,
    '',
    `containr-identity: ${JSON.stringify({ installation: marks.installation, uid: marks.uid })}`,
  ].join('\n');
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

function readDescription(description: string | undefined): GuestMarks | undefined {
  const [, json] = describedAs.exec(description ?? '') ?? [];
  if (json === undefined) return undefined;
  try {
    return Described.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
