import { emptyConfig, type GuestConfig, type Options, type RawKey } from './guest-config.ts';

const environmentKey = 'lxc.environment.runtime';

/** Writes a config as the file in /etc/pve has it. */
export function formatConfig(config: GuestConfig): string {
  const sections = [formatSection(config.options, config.raw)];
  if (config.pending.size > 0 || config.pendingDelete.size > 0) {
    const pending = new Map(config.pending);
    if (config.pendingDelete.size > 0) {
      const deleted = [...config.pendingDelete].map(([name, force]) => (force ? `!${name}` : name));
      pending.set('delete', deleted.join(','));
    }
    sections.push(`\n[pve:pending]\n${formatSection(pending, [])}`);
  }
  for (const [name, { options, raw }] of config.snapshots) sections.push(`\n[${name}]\n${formatSection(options, raw)}`);
  return sections.join('');
}

/** Reads a config file; what is no option is ignored, as Proxmox does with a warning. */
export function parseConfig(text: string): GuestConfig {
  const config = emptyConfig();
  let section: { options: Options; raw: RawKey[] } = config;
  let description = '';
  const endSection = (): void => {
    if (description !== '') section.options.set('description', description);
    description = '';
  };
  for (const line of text.split('\n')) {
    const header = /^\[([a-z][\w:-]*)\]\s*$/i.exec(line)?.[1];
    const [, key, value = ''] = /^([a-z][\w.-]*):(.*)$/.exec(line) ?? [];
    if (header !== undefined) {
      endSection();
      section = { options: new Map(), raw: [] };
      if (header === 'pve:pending') section.options = config.pending;
      else config.snapshots.set(header, section);
    } else if (line.startsWith('#')) {
      description += `${decodeText(line.slice(1))}\n`;
    } else if (key !== undefined) {
      readOption(section, key, value);
    }
  }
  endSection();
  readDeletions(config);
  return config;
}

function formatSection(options: Options, raw: readonly RawKey[]): string {
  const lines: string[] = [];
  const description = options.get('description');
  if (description !== undefined) {
    lines.push(
      ...description
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `#${encodeText(line)}`),
    );
  }
  for (const name of [...options.keys()].sort()) {
    if (name === 'description' || name === 'env') continue;
    lines.push(`${name}: ${options.get(name) ?? ''}`);
  }
  for (const entry of options.get('env')?.split('\0') ?? []) lines.push(`${environmentKey}: ${entry}`);
  for (const [key, value] of raw) lines.push(`${key}: ${value}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** An empty value comes back as one space: Proxmox's own reader does so. */
function readOption(section: { options: Options; raw: RawKey[] }, key: string, text: string): void {
  const value = text.trim();
  if (key === environmentKey) {
    const known = section.options.get('env');
    section.options.set('env', known === undefined ? value : `${known}\0${value}`);
  } else if (key.startsWith('lxc.')) {
    section.raw.push([key, value]);
  } else {
    section.options.set(key, value === '' ? ' ' : value);
  }
}

function readDeletions(config: GuestConfig): void {
  const deleted = config.pending.get('delete');
  config.pending.delete('delete');
  for (const item of deleted?.split(',') ?? []) {
    config.pendingDelete.set(item.replace(/^!/, ''), item.startsWith('!'));
  }
}

/** Keeps a description to one line each: control characters, `%` and what is not ASCII are encoded. */
function encodeText(text: string): string {
  return [...new TextEncoder().encode(text)]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
