import { lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { EngineError } from '../engine/engine.ts';
import { detectDistribution, distributionFiles } from '../images/distribution.ts';
import { readImageFiles } from '../images/image-files.ts';
import { resolveUser, userFiles } from '../images/image-user.ts';
import { readOciImage, type OciImage } from '../images/oci-image.ts';
import { Refusal } from '../refusal.ts';
import { NoSpace } from '../storage/directory-storage.ts';
import type { MadeVolume } from './allocate-volumes.ts';
import type { GuestConfig } from './guest-config.ts';
import { joinWords } from './lxc-words.ts';
import { makeImageFolders } from './make-image-folders.ts';
import { withHostManaged } from './option-values.ts';

/** Where a guest comes from. */
export interface Template {
  path: string;
  /** As Proxmox's texts show it. */
  shownPath: string;
}

/**
 * Unpacks a template into a new guest's root volume and lets an image overwrite the config, as Proxmox does: entrypoint,
 * environment and console mode of the image win over those that were asked for.
 */
export async function unpackTemplate(
  cluster: Cluster,
  template: Template,
  root: MadeVolume,
  config: GuestConfig,
  log: (line: string) => void,
): Promise<void> {
  try {
    const image = readOciImage(template.path, template.shownPath);
    if (image) log('Detected OCI archive');
    else log(`extracting archive '${template.shownPath}'`);
    takeSpace(root, image?.layerBytes ?? statSync(template.path).size, image);
    const rootfs = root.storage.pathOf(root.volume.name);
    await cluster.engine.unpack({ path: template.path, format: image ? 'oci' : 'plain' }, rootfs);
    if (image) {
      makeImageFolders(rootfs, image.volumes, log);
      await mapImage(template.path, image, config, log);
    } else {
      log(`Total bytes read: ${describeBytes(statSync(template.path).size)}`);
    }
    if (!config.options.has('ostype')) {
      const files = image ? await readImageFiles(template.path, image, distributionFiles) : readFiles(rootfs);
      detect(files, config, log);
    }
    chooseArchitecture(config, log);
  } catch (error) {
    if (error instanceof EngineError) error.log.forEach(log);
    throw error;
  }
}

async function mapImage(
  path: string,
  image: OciImage,
  config: GuestConfig,
  log: (line: string) => void,
): Promise<void> {
  const { options, raw } = config;
  if (image.entrypoint.length > 0 && image.entrypoint[0] !== '/sbin/init') {
    options.set('entrypoint', joinWords(image.entrypoint));
    options.set('cmode', 'console');
    for (const [name, value] of options) {
      const managed = /^net\d+$/.test(name) ? withHostManaged(value) : undefined;
      if (managed === undefined) continue;
      log(`Auto-Enabling host-managed network for network device ${name}.`);
      options.set(name, managed);
    }
  }
  if (image.env.length > 0) options.set('env', image.env.join('\0'));
  // Line breaks pass the image check; those of a variable cut its line short when the config is written.
  if (options.get('entrypoint')?.includes('\n')) {
    throw new Refusal("detected invalid newline inside property 'entrypoint'");
  }
  if (image.user !== '') {
    const files = await readImageFiles(path, image, userFiles);
    raw.push(...resolveUser(image.user, files));
  }
  if (image.workingDir !== '') raw.push(['lxc.init.cwd', image.workingDir]);
  raw.push(['lxc.signal.halt', image.stopSignal === '' ? 'SIGTERM' : image.stopSignal]);
}

/** Finds out what is unpacked, where nobody said it. */
function detect(files: ReadonlyMap<string, string>, { options }: GuestConfig, log: (line: string) => void): void {
  const { ostype, log: lines } = detectDistribution(files);
  lines.forEach(log);
  options.set('ostype', ostype);
}

function chooseArchitecture({ options }: GuestConfig, log: (line: string) => void): void {
  if (options.has('arch')) return;
  if (options.get('ostype') === 'unmanaged') {
    log('Falling back to amd64.');
    log('Use `pct set VMID --arch ARCH` to change.');
  }
  options.set('arch', 'amd64');
}

/** What a root file system says about its distribution; links are left alone. */
function readFiles(rootfs: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of distributionFiles) {
    const path = join(rootfs, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) files.set(name, readFileSync(path, 'utf8'));
  }
  return files;
}

function takeSpace(root: MadeVolume, bytes: number, image: OciImage | undefined): void {
  try {
    root.storage.reserve(bytes);
  } catch (error) {
    if (!(error instanceof NoSpace)) throw error;
    throw new Refusal(
      image
        ? 'failed to unpack OCI image: No space left on device (os error 28)'
        : `command 'lxc-usernsexec -- tar xpf -' failed: exit code 2`,
    );
  }
  root.storage.update({ ...root.volume, contentBytes: bytes, exposedPorts: image?.exposedPorts ?? [] });
}

/** `1092608 (1.1MiB, 32MiB/s)`, as tar says. */
export function describeBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const shown = value >= 10 || unit === 0 ? Math.ceil(value) : Math.ceil(value * 10) / 10;
  return `${bytes} (${unit > 0 && value < 10 ? shown.toFixed(1) : shown}${units[unit]}, 100MiB/s)`;
}
