/** What the supervisor of a guest is told, as far as the simulation heeds it. */
export interface SupervisorConfig {
  command: string[];
  env: Map<string, string>;
  stopSignal: string;
  restart: 'always' | 'on-failure' | 'never';
  /** Without it the port stays closed. */
  secret: string | undefined;
  port: number;
  readyPort: number | undefined;
  logLimit: number;
}

/** Decodes `CONTAINR_CONFIG`; undefined when it cannot be used. Unknown keys are ignored. */
export function readSupervisorConfig(encoded: string | undefined): SupervisorConfig | undefined {
  if (encoded === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const fields = Buffer.from(encoded, 'base64').toString('utf8').split('\0');
  if (fields.pop() !== '' || fields.length % 2 !== 0) return undefined;
  const values = new Map<string, string[]>();
  for (let index = 0; index < fields.length; index += 2) {
    const key = fields[index] ?? '';
    values.set(key, [...(values.get(key) ?? []), fields[index + 1] ?? '']);
  }
  const last = (key: string): string | undefined => values.get(key)?.at(-1);
  const command = values.get('arg') ?? [];
  if (command.length === 0) return undefined;
  const restart = last('restart');
  const readyPort = last('ready-port');
  return {
    command,
    env: readEnvironment(values.get('env') ?? []),
    stopSignal: last('stop-signal') ?? 'SIGTERM',
    restart: restart === 'never' || restart === 'on-failure' ? restart : 'always',
    secret: last('secret'),
    port: Number(last('port') ?? 10_301),
    readyPort: readyPort === undefined ? undefined : Number(readyPort),
    logLimit: Number(last('log-limit') ?? 64 * 1024 ** 2),
  };
}

/** `NAME=value` entries by name; the last of several wins. */
export function readEnvironment(entries: readonly string[]): Map<string, string> {
  return new Map(
    entries.map((entry) => {
      const end = entry.indexOf('=');
      return end < 0 ? [entry, ''] : [entry.slice(0, end), entry.slice(end + 1)];
    }),
  );
}
