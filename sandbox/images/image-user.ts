import { EngineError } from '../engine/engine.ts';
import type { RawKey } from '../guests/guest-config.ts';

/** The files that names are looked up in. */
export const userFiles = ['etc/passwd', 'etc/group'];

/** Resolves an image's `USER` to what liblxc is told. Throws EngineError for a name that the image does not know. */
export function resolveUser(user: string, files: ReadonlyMap<string, string>): RawKey[] {
  const [name = '', groupName] = user.split(':');
  const passwd = rows(files.get('etc/passwd'));
  const group = rows(files.get('etc/group'));
  const entry = passwd.find(([login, , uid]) => login === name || uid === name);
  if (!entry && !/^\d+$/.test(name)) throw new EngineError(`Error while parsing OCI image: no such user '${name}'`);
  const uid = entry?.[2] ?? name;
  const gid = groupName === undefined ? (entry?.[3] ?? '0') : groupId(group, groupName);
  const more =
    groupName === undefined
      ? group.filter(([, , id, members = '']) => id !== gid && members.split(',').includes(entry?.[0] ?? '\0'))
      : [];
  const keys: RawKey[] = [
    ['lxc.init.uid', uid],
    ['lxc.init.gid', gid],
  ];
  if (more.length > 0) keys.push(['lxc.init.groups', more.map(([, , id]) => id ?? '').join(',')]);
  return keys;
}

function groupId(groups: readonly string[][], name: string): string {
  const found = groups.find(([label, , id]) => label === name || id === name)?.[2];
  if (found === undefined && !/^\d+$/.test(name)) {
    throw new EngineError(`Error while parsing OCI image: no such group '${name}'`);
  }
  return found ?? name;
}

function rows(text: string | undefined): string[][] {
  return (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(':'));
}
