import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { proxmoxApi, type Proxmox } from 'proxmox-api';
import { guestOf, nodeOf, storageOf, taskOf, volumeOf } from './api-paths.ts';
import type {
  BackupParams,
  ConfigParams,
  DownloadParams,
  MountKey,
  StopParams,
  UploadParams,
  VolumeKey,
} from './additions.ts';
import { readBackedUpDisks } from './backed-up-disks.ts';
import type { PowerAnswer, ProxmoxClient } from './client.ts';
import { createProxmoxEngine, type CallContext, type ProxmoxEngineOptions } from './engine.ts';
import { ProxmoxFault, isProxmoxFault, type ProxmoxMeaning } from './fault.ts';
import { configParams, createParams, restoreParams } from './guest-params.ts';
import * as read from './read-answers.ts';

export interface ProxmoxClientOptions extends Omit<ProxmoxEngineOptions, 'onEndpoint'> {
  log?: Pick<Logger, 'info' | 'warn'> | undefined;
}

/** Seconds that Proxmox waits for a deletion before it answers with the task instead. */
const DELETE_WAIT_SECONDS = 5;

/** Proxmox VE over HTTPS. Throws `unauthenticated` when the token cannot be one. */
export function createProxmoxClient({ log, ...options }: ProxmoxClientOptions): ProxmoxClient {
  assertToken(options);
  const engine = createProxmoxEngine({
    ...options,
    onEndpoint: (endpoint, failure) => {
      if (failure === undefined) log?.info({ endpoint }, 'Proxmox endpoint answers again');
      else log?.warn({ endpoint, failure }, 'Proxmox endpoint cannot be used; trying others, and this one again later');
    },
  });

  /** One call through the typed proxy; what comes back is read by `parse`. */
  async function call<T>(
    what: string,
    signal: AbortSignal,
    ask: (api: Proxmox.Api) => Promise<unknown>,
    parse: (data: unknown) => T,
    file?: CallContext['file'],
  ): Promise<T> {
    const data = await ask(proxmoxApi(engine.during({ what, signal, ...(file && { file }) })));
    try {
      return parse(data);
    } catch (cause) {
      const advice = 'This version of Proxmox may be newer than Containr knows; please report it.';
      throw new ProxmoxFault('other', `Could not ${what}: Proxmox gave an answer of another shape. ${advice}`, {
        cause,
      });
    }
  }

  async function power(asked: Promise<string>, done: ProxmoxMeaning): Promise<PowerAnswer> {
    try {
      return { upid: await asked };
    } catch (error) {
      if (isProxmoxFault(error, done)) return 'already';
      throw error;
    }
  }

  return {
    version: (signal) => call('ask for the version', signal, (api) => api.version.$get(), read.readVersion),

    permissions: (signal) =>
      call('ask what the API token may do', signal, (api) => api.access.permissions.$get(), read.readPermissions),

    clusterStatus: (signal) =>
      call('ask for the state of the cluster', signal, (api) => api.cluster.status.$get(), read.readClusterStatus),

    resources: (signal) =>
      call('list guests, nodes and storages', signal, (api) => api.cluster.resources.$get(), read.readResources),

    bridges(node, signal) {
      const what = `list the bridges of node ${node}`;
      return call(what, signal, (api) => nodeOf(api, node).network.$get({ type: 'any_bridge' }), read.readBridges);
    },

    guestConfig(node, vmid, signal) {
      const what = `read the config of guest ${vmid} on node ${node}`;
      return call(what, signal, (api) => guestOf(api, node, vmid).config.$get(), read.readGuestConfig);
    },

    guestStatus(node, vmid, signal) {
      const what = `read the status of guest ${vmid} on node ${node}`;
      return call(what, signal, (api) => guestOf(api, node, vmid).status.current.$get(), read.readGuestStatus);
    },

    guestAddresses(node, vmid, signal) {
      const what = `read the addresses of guest ${vmid} on node ${node}`;
      return call(what, signal, (api) => guestOf(api, node, vmid).interfaces.$get(), read.readAddresses);
    },

    createGuest(node, guest, signal) {
      const what = `create guest ${guest.vmid} on node ${node}`;
      return call(what, signal, (api) => nodeOf(api, node).lxc.$post(createParams(guest)), read.readUpid);
    },

    restoreGuest(node, guest, signal) {
      const what = `restore ${guest.backup} to guest ${guest.vmid} on node ${node}`;
      return call(what, signal, (api) => nodeOf(api, node).lxc.$post(restoreParams(guest)), read.readUpid);
    },

    backedUpDisks(node, backup, signal) {
      const what = `look into ${backup} on node ${node}`;
      const look = (api: Proxmox.Api) => nodeOf(api, node).vzdump.extractconfig.$get({ volume: backup });
      return call(what, signal, look, (data) => readBackedUpDisks(read.readText(data)));
    },

    configureGuest(node, vmid, changes, signal) {
      const what = `change the config of guest ${vmid} on node ${node}`;
      const params: ConfigParams = configParams(changes);
      return call(
        what,
        signal,
        (api) => guestOf(api, node, vmid).config.$put(params),
        () => undefined,
      );
    },

    startGuest(node, vmid, signal) {
      const what = `start guest ${vmid} on node ${node}`;
      const start = call(what, signal, (api) => guestOf(api, node, vmid).status.start.$post(), read.readUpid);
      return power(start, 'running');
    },

    shutdownGuest(node, vmid, timeoutSeconds, signal) {
      const what = `shut down guest ${vmid} on node ${node}`;
      const params = { forceStop: true, timeout: timeoutSeconds };
      const shutdown = call(
        what,
        signal,
        (api) => guestOf(api, node, vmid).status.shutdown.$post(params),
        read.readUpid,
      );
      return power(shutdown, 'notRunning');
    },

    stopGuest(node, vmid, signal) {
      const what = `stop guest ${vmid} on node ${node}`;
      const params: StopParams = { 'overrule-shutdown': true };
      const stop = call(what, signal, (api) => guestOf(api, node, vmid).status.stop.$post(params), read.readUpid);
      return power(stop, 'notRunning');
    },

    destroyGuest(node, vmid, signal) {
      const what = `destroy guest ${vmid} on node ${node}`;
      // Also out of backup jobs and HA, which would name a guest that is gone.
      return call(what, signal, (api) => guestOf(api, node, vmid).$delete({ purge: true }), read.readUpid);
    },

    async task(upid, signal) {
      try {
        return await call(`look at task ${upid}`, signal, (api) => taskOf(api, upid).status.$get(), read.readTask);
      } catch (error) {
        if (isProxmoxFault(error, 'absent')) return { status: 'unknown' };
        throw error;
      }
    },

    async taskLog(upid, lines, signal) {
      const what = `read the log of task ${upid}`;
      const log = await call(what, signal, (api) => taskOf(api, upid).log.$get({ start: 0, limit: 0 }), read.readLog);
      return log.slice(-lines);
    },

    runningTasks(node, vmid, signal) {
      const what = `list the running tasks${vmid === undefined ? '' : ` of guest ${vmid}`} on node ${node}`;
      const params = { source: 'active', ...(vmid !== undefined && { vmid }) } as const;
      return call(what, signal, (api) => nodeOf(api, node).tasks.$get(params), read.readRunningTasks);
    },

    moveVolume(node, from, to, signal) {
      const what = `move volume ${from.key} of guest ${from.vmid} to guest ${to.vmid} on node ${node}`;
      const params = {
        volume: volumeKey(what, from.key),
        'target-vmid': to.vmid,
        'target-volume': volumeKey(what, to.key),
        ...(from.digest !== undefined && { digest: from.digest }),
        ...(to.digest !== undefined && { 'target-digest': to.digest }),
      };
      return call(what, signal, (api) => guestOf(api, node, from.vmid).move_volume.$post(params), read.readUpid);
    },

    resizeVolume(node, { vmid, key, digest }, sizeGiB, signal) {
      const what = `grow volume ${key} of guest ${vmid} on node ${node} to ${sizeGiB} GiB`;
      const params = { disk: mountKey(what, key), size: `${sizeGiB}G`, ...(digest !== undefined && { digest }) };
      const resize = call(what, signal, (api) => guestOf(api, node, vmid).resize.$put(params), read.readUpid);
      return power(resize, 'exists');
    },

    volumes(node, storage, vmid, signal) {
      const what = `list the disks of guest ${vmid} on storage ${storage} of node ${node}`;
      const params = { content: 'rootdir', vmid };
      return call(what, signal, (api) => storageOf(api, node, storage).content.$get(params), read.readStored);
    },

    archives(node, storage, signal) {
      const what = `list the archives on storage ${storage} of node ${node}`;
      const params = { content: 'vztmpl' };
      return call(what, signal, (api) => storageOf(api, node, storage).content.$get(params), read.readStored);
    },

    async uploadArchive(node, storage, filename, { path, sizeBytes, sha256 }, signal) {
      const what = `upload ${filename} to storage ${storage} of node ${node}`;
      await assertUploadable(what, filename, path, sizeBytes);
      const params: UploadParams = { content: 'vztmpl', 'checksum-algorithm': 'sha256', checksum: sha256, filename };
      const file = { path, sizeBytes, filename };
      return call(what, signal, (api) => storageOf(api, node, storage).upload.$post(params), read.readUpid, file);
    },

    downloadArchive(node, storage, filename, { url, sha256 }, signal) {
      const what = `let node ${node} download ${filename} to storage ${storage}`;
      const params: DownloadParams = {
        url,
        content: 'vztmpl',
        filename,
        checksum: sha256,
        'checksum-algorithm': 'sha256',
      };
      return call(what, signal, (api) => storageOf(api, node, storage)['download-url'].$post(params), read.readUpid);
    },

    async backUp(node, { vmid, storage, mode, notes }, signal) {
      const what = `back up guest ${vmid} of node ${node} to storage ${storage}`;
      if (/[\r\n{}]/.test(notes)) throw new ProxmoxFault('invalid', `Could not ${what}: its notes must be one line.`);
      const params: BackupParams = {
        vmid: String(vmid),
        storage,
        mode,
        compress: 'zstd',
        'notes-template': notes,
        // Which of the others may go is not the storage's to say.
        remove: false,
        // A volume may be mounted where Proxmox expects temporary files.
        stdexcludes: false,
        // Without an address to send to, nothing is sent.
        'notification-mode': 'legacy-sendmail',
      };
      const upid = await call(what, signal, (api) => nodeOf(api, node).vzdump.$post(params), read.readBackupStart);
      if (upid === undefined) throw new ProxmoxFault('absent', `Could not ${what}: the guest is not there.`);
      return upid;
    },

    backups(node, storage, vmid, signal) {
      const what = `list the backups on storage ${storage} of node ${node}`;
      const params = { content: 'backup', ...(vmid !== undefined && { vmid }) };
      return call(what, signal, (api) => storageOf(api, node, storage).content.$get(params), read.readBackups);
    },

    async deleteBackup(node, storage, volid, signal) {
      const what = `delete ${volid} on node ${node}`;
      const params = { delay: DELETE_WAIT_SECONDS };
      try {
        return await call(
          what,
          signal,
          (api) => volumeOf(api, node, storage, volid).$delete(params),
          read.readMaybeUpid,
        );
      } catch (error) {
        if (isProxmoxFault(error, 'absent')) return undefined;
        throw error;
      }
    },

    deleteArchive(node, storage, volid, signal) {
      const what = `delete ${volid} on node ${node}`;
      const params = { delay: DELETE_WAIT_SECONDS };
      return call(what, signal, (api) => volumeOf(api, node, storage, volid).$delete(params), read.readMaybeUpid);
    },

    close: () => engine.close(),
  };
}

/** Caught here, since a header that cannot be sent would end up in an error with the secret in it. */
function assertToken({ tokenId, tokenSecret }: Pick<ProxmoxEngineOptions, 'tokenId' | 'tokenSecret'>): void {
  if (/^[^\s@!=]+@[^\s@!=]+![^\s@!=]+$/.test(tokenId) && /^[\x21-\x7e]+$/.test(tokenSecret)) return;
  const advice = 'The id reads user@realm!name, the secret is the line that Proxmox showed when the token was made.';
  throw new ProxmoxFault('unauthenticated', `This cannot be an API token of Proxmox. ${advice}`);
}

function mountKey(what: string, key: string): MountKey {
  if (isMountKey(key)) return key;
  throw new ProxmoxFault('invalid', `Could not ${what}: "${key}" is no mount point.`);
}

function volumeKey(what: string, key: string): VolumeKey {
  if (isMountKey(key) || isUnusedKey(key)) return key;
  throw new ProxmoxFault('invalid', `Could not ${what}: "${key}" is no place of a volume.`);
}

function isMountKey(key: string): key is MountKey {
  return /^mp(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/.test(key);
}

function isUnusedKey(key: string): key is Exclude<VolumeKey, MountKey> {
  return /^unused\d{1,3}$/.test(key);
}

async function assertUploadable(what: string, filename: string, path: string, sizeBytes: number): Promise<void> {
  if (!/^[A-Za-z0-9_.-]+\.tar$/.test(filename)) {
    throw new ProxmoxFault('invalid', `Could not ${what}: Proxmox would not keep an archive under this name.`);
  }
  const found = await stat(path).catch(() => undefined);
  if (found?.size === sizeBytes) return;
  const trouble = found ? `has ${found.size} bytes instead of ${sizeBytes}` : 'is not there';
  throw new ProxmoxFault('invalid', `Could not ${what}: the file ${path} ${trouble}. Build the image again.`);
}
