import type { GuestMachine, GuestMount, GuestNic } from '../engine/engine.ts';
import { netFormat } from '../schema/guest-options.ts';
import { readProperties } from '../schema/property-string.ts';
import { Refusal } from '../refusal.ts';
import type { Storages } from '../storage/storages.ts';
import { rawValue, type Options } from './guest-config.ts';
import type { Guest } from './guest-store.ts';
import { mountedVolumes } from './guest-volumes.ts';
import { splitWords } from './lxc-words.ts';

/** What the engine has to know to run a guest, from the config as it is without what is pending. */
export function machineOf(guest: Guest, storages: Storages, nodeCores: number): GuestMachine {
  const { vmid, node, config } = guest;
  const { options } = config;
  const [root, ...mounts] = mountedVolumes(options);
  const rootVolume = root?.properties.get('volume');
  if (root?.key !== 'rootfs' || rootVolume === undefined) throw new Refusal(`CT ${vmid} has no rootfs`);
  const found = storages.find(rootVolume, node);
  const entrypoint = options.get('entrypoint');
  const env = options.get('env');
  return {
    node,
    vmid,
    hostname: options.get('hostname') ?? `CT${vmid}`,
    rootfs: found.storage.pathOf(found.name),
    entrypoint: entrypoint === undefined ? ['/sbin/init'] : splitWords(entrypoint),
    env: env === undefined ? [] : env.split('\0'),
    uid: Number(rawValue(config, 'lxc.init.uid') ?? 0),
    gid: Number(rawValue(config, 'lxc.init.gid') ?? 0),
    cwd: rawValue(config, 'lxc.init.cwd') ?? '/',
    haltSignal: rawValue(config, 'lxc.signal.halt') ?? 'SIGPWR',
    memoryMiB: Number(options.get('memory') ?? 512),
    swapMiB: Number(options.get('swap') ?? 512),
    cpuLimit: Number(options.get('cpulimit') ?? 0),
    cores: Number(options.get('cores') ?? nodeCores),
    unmanaged: options.get('ostype') === 'unmanaged',
    nics: nicsOf(options),
    mounts: mounts.map(({ key, properties }) => mountOf(key, properties, storages, node)),
    exposedPorts: found.storage.volume(found.name)?.exposedPorts ?? [],
  };
}

/** The guest's network interfaces. */
export function nicsOf(options: Options): GuestNic[] {
  const keys = [...options.keys()].filter((key) => /^net\d+$/.test(key)).sort();
  return keys.map((key) => {
    const nic = readNic(options.get(key) ?? '');
    const ip = nic.get('ip');
    const gateway = nic.get('gw');
    return {
      name: nic.get('name') ?? key,
      bridge: nic.get('bridge') ?? '',
      mac: (nic.get('hwaddr') ?? '').toLowerCase(),
      ...(ip !== undefined && { ip }),
      ...(gateway !== undefined && { gateway }),
    };
  });
}

/** Takes the value of `netN` apart; the API has checked it. */
export function readNic(value: string): Map<string, string> {
  const read = readProperties(netFormat, value);
  if (read.problem !== undefined) throw new Refusal(read.problem);
  return read.properties;
}

function mountOf(key: string, properties: ReadonlyMap<string, string>, storages: Storages, node: string): GuestMount {
  const volume = properties.get('volume') ?? '';
  const { storage, name } = storages.find(volume, node);
  const mountPath = properties.get('mp') ?? '';
  return {
    key,
    path: storage.pathOf(name),
    mountPath: mountPath.startsWith('/') ? mountPath : `/${mountPath}`,
    readOnly: properties.get('ro') === '1',
  };
}
