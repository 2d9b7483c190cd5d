import { GROUP } from '../../crds/meta.ts';
import type { OwnerReference } from '../../crds/meta.ts';
import type { Volume } from '../../crds/volume.ts';
import { childName } from './child-name.ts';

/** On a volume that a restore took from a database, which is kept: the name of that database. */
export const SAFEGUARD_OF = `${GROUP}/safeguard-of`;

/** Name of the Secret with the login that the data on a volume know, where they need another than that of today. Pure. */
export function volumeLoginName(volume: string): string {
  return childName(volume, 'credentials');
}

/** A reference with which a Secret goes when the volume goes that it is for. Pure. */
export function goesWith({ apiVersion, kind, metadata }: Volume): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid };
}

/** What of a login data are set up with; where the database is does not belong to it. */
export const LOGIN_KEYS = ['username', 'password', 'database'] as const;

/** Whether two Secrets have the same login. Pure. */
export function sameLogin(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return LOGIN_KEYS.every((key) => a[key] === b[key]);
}
