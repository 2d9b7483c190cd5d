import { chmod, copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import type { Binaries } from './supervisor.ts';

/** What puts a root folder's supervisor into namespaces of its own, as process 1, the way a container does. */
export function asProcess1(root: string, { proc }: { proc: boolean }): string[] {
  const apart = ['--pid', '--fork', '--kill-child', '--mount', '--uts', '--ipc', `--root=${root}`];
  return ['unshare', ...apart, ...(proc ? ['--mount-proc'] : []), '/.containr/init'];
}

/** The root of a guest made FROM scratch: the supervisor, one program, and the files named; the caller removes it. */
export async function makeGuestRoot(binaries: Binaries, files: Record<string, string> = {}): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'containr-root-'));
  await chmod(root, 0o755);
  await mkdir(join(root, '.containr'));
  await mkdir(join(root, 'proc'));
  await copyFile(binaries.init, join(root, '.containr/init'));
  await copyFile(binaries.program, join(root, 'program'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

/** Process 1 of the guest that `unshare` started, as this machine numbers it. */
export async function findProcess1(unshare: ChildProcess): Promise<number> {
  for (;;) {
    const children = await readFile(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8');
    const pid = Number.parseInt(children);
    if (Number.isNaN(pid)) throw new Error('unshare has no child: is there a /proc with children?');
    if ((await readFile(`/proc/${pid}/comm`, 'utf8')) === 'init\n') return pid;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
