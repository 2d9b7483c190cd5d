import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { GuestMachine } from '../engine/engine.ts';
import type { UnpackedImage } from './unpacked-image.ts';

/** What an entrypoint turns out to be. */
export type ProgramKind =
  | 'missing'
  /** Ends before anybody looks. */
  | 'brief'
  /** Process 1 without a handler for the halt signal: only SIGKILL ends it. */
  | 'deaf-to-signals'
  | 'supervisor'
  | 'ordinary';

export const supervisorPath = '/.containr/init';

const brief = new Set(['echo', 'true', 'false', 'printf', 'ls', 'date']);
const deaf = new Set(['sleep', 'tail', 'cat']);

/** Tells what would happen if the guest's entrypoint were executed. */
export function programKind({ entrypoint, rootfs }: GuestMachine, image: UnpackedImage | undefined): ProgramKind {
  const [path = ''] = entrypoint;
  if (!hasProgram(path, rootfs, image)) return 'missing';
  if (path === supervisorPath) return 'supervisor';
  if (brief.has(basename(path))) return 'brief';
  return deaf.has(basename(path)) ? 'deaf-to-signals' : 'ordinary';
}

/** True for a program that the guest could execute. Links between folders are not followed; one of that name in any folder will do. */
export function hasProgram(path: string, rootfs: string, image: UnpackedImage | undefined): boolean {
  if (!image) return path.includes('/') ? existsSync(join(rootfs, path)) : true;
  if (image.entrypoint[0] === path || image.files.has(path.replace(/^\/+/, ''))) return true;
  if (path.startsWith('/.')) return false;
  const name = basename(path);
  return [...image.files].some((file) => basename(file) === name);
}
