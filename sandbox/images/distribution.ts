import { EngineError } from '../engine/engine.ts';

/** What Proxmox finds out about a root file system when nobody tells it the `ostype`. */
export interface Distribution {
  ostype: string;
  log: string[];
}

/** The files that are looked at. */
export const distributionFiles = ['etc/os-release', 'usr/lib/os-release', 'etc/debian_version', 'etc/alpine-release'];

const ostypes: Readonly<Record<string, string>> = {
  debian: 'debian',
  devuan: 'devuan',
  ubuntu: 'ubuntu',
  alpine: 'alpine',
  fedora: 'fedora',
  centos: 'centos',
  rocky: 'centos',
  almalinux: 'centos',
  rhel: 'centos',
  openEuler: 'centos',
  opensuse: 'opensuse',
  'opensuse-leap': 'opensuse',
  'opensuse-tumbleweed': 'opensuse',
  sles: 'opensuse',
  arch: 'archlinux',
  gentoo: 'gentoo',
  nixos: 'nixos',
};

/**
 * Detects the distribution from its files. Throws EngineError where Proxmox gives up: an os-release with an ID that it
 * does not know. No os-release at all counts as unmanaged.
 */
export function detectDistribution(files: ReadonlyMap<string, string>): Distribution {
  const release = files.get('etc/os-release') ?? files.get('usr/lib/os-release');
  if (release === undefined) return { ostype: 'unmanaged', log: [] };
  const id = /^ID="?([^"\n]*)"?$/m.exec(release)?.[1] ?? '';
  const ostype = ostypes[id];
  const log = [`unknown ID '${id}' in /etc/os-release file, trying fallback detection`];
  if (ostype === undefined) throw new EngineError('unable to detect OS distribution', log);
  const versionFile = { debian: 'etc/debian_version', alpine: 'etc/alpine-release' }[ostype];
  if (versionFile !== undefined && !files.has(versionFile)) throw new EngineError('unable to read version info');
  return { ostype, log: [] };
}
