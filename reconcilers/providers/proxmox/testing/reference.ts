import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One answer of genuine Proxmox code. */
export interface RecordedAnswer {
  n: number;
  case: string;
  method: string;
  path: string;
  status: number | null;
  statusText: string | null;
  body: { data?: unknown; message?: string; errors?: Record<string, string> } | null;
}

/** What Proxmox's schema says of one call. */
export interface SchemaCall {
  method: string;
  path: string;
  parameters: { properties?: Record<string, { type?: string; optional?: number; pattern?: string; enum?: string[] }> };
}

const folder = join(
  process.env['CONTAINR_REFERENCE_DIR'] ?? join(import.meta.dirname, '../../../../../shared'),
  'proxmox',
);

/** Answers of genuine Proxmox code, where the Proxmox reference files are present; else says why there are none. */
export function recordedAnswers(): RecordedAnswer[] | undefined {
  const [, ...lines] = read('recorded.jsonl')?.trim().split('\n') ?? [];
  return lines.length === 0 ? undefined : lines.map((line) => JSON.parse(line));
}

/** Proxmox's own schema of the calls that matter, as `recordedAnswers`. */
export function schemaCalls(): SchemaCall[] | undefined {
  const text = read('api-schema.json');
  return text === undefined ? undefined : JSON.parse(text).endpoints;
}

function read(name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    console.info(
      `Skipped: the Proxmox reference file ${name} is not in ${folder}; CONTAINR_REFERENCE_DIR can name another.`,
    );
    return undefined;
  }
}
