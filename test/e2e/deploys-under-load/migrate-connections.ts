import { readFileSync, writeFileSync } from 'node:fs';

const SETTING = '/proc/sys/net/ipv4/tcp_migrate_req';

/**
 * Has Linux hand connections that nobody has accepted yet on to the server that takes over, as docs/traffic.md tells those
 * who run Caddy. Puts the setting back when disposed of; without the right to set it, a new connection can be reset.
 */
export function migrateConnections(): Disposable {
  let before: string | undefined;
  try {
    before = readFileSync(SETTING, 'utf8');
    writeFileSync(SETTING, '1');
  } catch (error) {
    console.log(`net.ipv4.tcp_migrate_req cannot be set (${String(error)}): new connections can be reset.`);
  }
  return {
    [Symbol.dispose]() {
      if (before !== undefined) writeFileSync(SETTING, before);
    },
  };
}
