import type { GuestChanges, PowerAnswer, Upid, VolumePlace } from './client.ts';
import type { FakeCluster } from './fake-cluster.ts';
import type { FakeGuest } from './fake-guest.ts';
import { refuse, refuseErrors } from './fake-refuse.ts';
import type { FakeStorage } from './fake-storage.ts';
import { mountBytes, parseMount } from './mount.ts';

const GIB = 2 ** 30;

/** Makes, mounts and takes off volumes, as a change of the config does: all of it or nothing. */
export function changeMounts(cluster: FakeCluster, guest: FakeGuest, { mounts = {}, remove = [] }: GuestChanges): void {
  refuseErrors(mountErrors(mounts));
  for (const [key, text] of Object.entries(mounts)) placeFor(cluster, key, text);
  for (const [key, text] of Object.entries(mounts)) mount(cluster, guest, key, text);
  for (const key of remove) takeOff(cluster, guest, key);
  const used = new Set(Object.values(guest.config.mounts).map((text) => parseMount(text).volume));
  const unused = Object.entries(guest.config.unused).filter(([, volid]) => !used.has(volid));
  guest.config = { ...guest.config, unused: Object.fromEntries(unused) };
}

/** Under the first `unusedN` that is free. */
export function keepUnused(guest: FakeGuest, volid: string): void {
  const { unused } = guest.config;
  let index = 0;
  while (unused[`unused${index}`] !== undefined) index += 1;
  guest.config = { ...guest.config, unused: { ...unused, [`unused${index}`]: volid } };
}

/** Every volume that the config names and that bears the guest's vmid. */
export function freeVolumes(cluster: FakeCluster, guest: FakeGuest): void {
  const mounted = Object.values(guest.config.mounts).map((text) => parseMount(text).volume);
  for (const volid of [...mounted, ...Object.values(guest.config.unused), ...guest.leaving]) {
    if (cluster.volume(volid)?.vmid === guest.vmid) storageOf(cluster, volid)?.free(volid);
  }
}

/** Begins to give a volume to another guest, which holds the locks of both. */
export function spawnMove(cluster: FakeCluster, node: string, from: VolumePlace, to: VolumePlace): Upid {
  const problem = moveProblem(cluster, node, from, to);
  if (problem !== undefined) refuse(500, problem);
  return cluster.spawn('move_volume', node, `${from.vmid}-${from.key}>${to.vmid}-${to.key}`, {
    locks: [from.vmid, to.vmid],
    effect: () => move(cluster, node, from, to),
  });
}

/** Why a volume cannot be given to the other guest; undefined when it can. */
function moveProblem(cluster: FakeCluster, node: string, from: VolumePlace, to: VolumePlace): string | undefined {
  const source = cluster.containerOn(node, from.vmid);
  if (!source) return `Configuration file 'nodes/${node}/lxc/${from.vmid}.conf' does not exist`;
  const target = cluster.guests.get(to.vmid);
  if (target?.type !== 'lxc') return `Configuration file 'nodes/${node}/lxc/${to.vmid}.conf' does not exist`;
  if (target.node !== node)
    return `Both containers need to be on the same node (${node}) but target continer is on ${target.node}.`;
  for (const { lock } of [source, target]) if (lock !== undefined) return `CT is locked (${lock})`;
  const text = source.config.mounts[from.key] ?? source.config.unused[from.key];
  if (text === undefined) return `volume '${from.key}' for container '${from.vmid}' does not exist`;
  if (to.key in target.config.mounts || to.key in target.config.unused)
    return `Target volume key '${to.key}' is already in use for container '${to.vmid}'`;
  if (source.hasSnapshot) return 'Cannot move volume used by a snapshot to another container';
  if (source.running && from.key.startsWith('mp'))
    return 'Cannot move in-use volume while the source CT is running - detach or shutdown first';
  return undefined;
}

/** Takes the volume out of one config, names it anew, and puts it into the other. */
function move(cluster: FakeCluster, node: string, from: VolumePlace, to: VolumePlace): string | undefined {
  const problem = moveProblem(cluster, node, from, to);
  const source = cluster.guests.get(from.vmid);
  const target = cluster.guests.get(to.vmid);
  if (problem !== undefined || !source || !target) return problem;
  const text = loseVolume(cluster, node, from, to.vmid);
  if (to.key.startsWith('unused'))
    target.config = { ...target.config, unused: { ...target.config.unused, [to.key]: parseMount(text).volume } };
  else target.config = { ...target.config, mounts: { ...target.config.mounts, [to.key]: text } };
  return undefined;
}

/** The first half of a move, with which a task that is killed may end: no config names the volume any more. */
export function loseVolume(cluster: FakeCluster, node: string, { vmid, key }: VolumePlace, targetVmid: number): string {
  const source = cluster.containerOn(node, vmid);
  const text = source?.config.mounts[key] ?? source?.config.unused[key] ?? '';
  const { volume: volid } = parseMount(text);
  const volume = cluster.volume(volid);
  if (!source || !volume) return refuse(500, `volume '${volid}' does not exist`);
  const { [key]: _, ...mounts } = source.config.mounts;
  const { [key]: __, ...unused } = source.config.unused;
  source.config = { ...source.config, mounts, unused };
  storageOf(cluster, volid)?.rename(volume, targetVmid);
  return text.replace(volid, volume.volid);
}

/** Begins to grow a volume, unless it has the size; refuses to shrink it. */
export function spawnGrowth(cluster: FakeCluster, guest: FakeGuest, key: string, bytes: number): PowerAnswer {
  const size = mountBytes(parseMount(guest.config.mounts[key] ?? '').size) ?? 0;
  if (guest.lock !== undefined) refuse(500, `CT is locked (${guest.lock})`);
  if (!(key in guest.config.mounts)) refuse(500, 'format error');
  if (bytes < size) refuse(500, 'unable to shrink disk size');
  if (bytes === size) return 'already';
  return { upid: cluster.spawn('resize', guest.node, guest.vmid, { effect: () => grow(cluster, guest, key, bytes) }) };
}

function grow(cluster: FakeCluster, guest: FakeGuest, key: string, bytes: number): string | undefined {
  const text = guest.config.mounts[key] ?? '';
  const { volume: volid, size } = parseMount(text);
  const volume = cluster.volume(volid);
  const storage = storageOf(cluster, volid);
  if (!volume || !storage) return `volume '${volid}' does not exist`;
  if (!storage.hasRoomFor(bytes - volume.bytes)) return 'lvextend error: insufficient free space';
  storage.grow(volume, bytes);
  const grown = text.replace(`size=${size}`, `size=${bytes / GIB}G`);
  guest.config = { ...guest.config, mounts: { ...guest.config.mounts, [key]: grown } };
  return undefined;
}

function mountErrors(mounts: Readonly<Record<string, string>>): Record<string, string> {
  const pathless = Object.entries(mounts).filter(([, text]) => !parseMount(text).path.startsWith('/'));
  const words = (key: string) =>
    `invalid format - format error\n${key}.mp: property is missing and it is not optional\n`;
  return Object.fromEntries(pathless.map(([key]) => [key, words(key)]));
}

/** The storage on which a mount's volume is, or is to be; with bytes when it is to be made. */
function placeFor(
  cluster: FakeCluster,
  key: string,
  text: string,
): { storage: FakeStorage; bytes: number | undefined } {
  const { volume } = parseMount(text);
  const [name = '', rest = ''] = volume.split(':');
  const storage = cluster.storages.get(name) ?? refuse(500, `storage '${name}' does not exist`);
  const bytes = /^\d+(\.\d+)?$/.test(rest) ? Number(rest) * GIB : undefined;
  if (!storage.content.includes('rootdir')) refuse(500, `storage '${name}' does not support content-type 'rootdir'`);
  if (bytes === undefined && !storage.volume(volume)) refuse(500, `volume '${volume}' does not exist`);
  if (bytes !== undefined && !storage.hasRoomFor(bytes)) refuse(500, `lvcreate ${key} error: insufficient free space`);
  return { storage, bytes };
}

function mount(cluster: FakeCluster, guest: FakeGuest, key: string, text: string): void {
  const { storage, bytes } = placeFor(cluster, key, text);
  const before = guest.config.mounts[key];
  const given = parseMount(text).volume;
  const made = bytes === undefined ? undefined : storage.allocate(guest.node, guest.vmid, bytes);
  const written = made && bytes !== undefined ? `${text.replace(given, made.volid)},size=${bytes / GIB}G` : text;
  guest.config = { ...guest.config, mounts: { ...guest.config.mounts, [key]: written } };
  const old = before === undefined ? undefined : parseMount(before).volume;
  if (old !== undefined && old !== parseMount(written).volume) letGo(guest, old);
}

function takeOff(cluster: FakeCluster, guest: FakeGuest, key: string): void {
  const { [key]: text, ...mounts } = guest.config.mounts;
  const { [key]: volid, ...unused } = guest.config.unused;
  guest.config = { ...guest.config, mounts, unused };
  if (text !== undefined) letGo(guest, parseMount(text).volume);
  if (volid !== undefined && cluster.volume(volid)?.vmid === guest.vmid) storageOf(cluster, volid)?.free(volid);
}

/** A running guest has it until it stops. */
function letGo(guest: FakeGuest, volid: string): void {
  if (guest.running) guest.leaving.push(volid);
  else keepUnused(guest, volid);
}

function storageOf(cluster: FakeCluster, volid: string): FakeStorage | undefined {
  return cluster.storages.get(volid.split(':')[0] ?? '');
}
