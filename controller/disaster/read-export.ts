import { createHash } from 'node:crypto';
import { Fault } from '../errors.ts';
import { EXPORT_VERSION, ExportHeader, ExportLine } from './export-format.ts';
import { damaged, readSealed, type Opener } from './sealed-file.ts';

/**
 * The lines of an export, each checked as it comes; the header is the first and the keys are the second. Invalid or Denied as soon
 * as something is wrong, at the latest after the last line: until then nothing of it may be relied on.
 */
export async function* readExport(path: string, opener: Opener): AsyncGenerator<Exclude<ExportLine, { type: 'end' }>> {
  const digest = createHash('sha256');
  let count = 0;
  let hasEnded = false;
  for await (const text of readSealed(path, opener)) {
    if (hasEnded) throw damaged(path);
    const line = readLine(path, text, count);
    if (line.type === 'end') {
      if (line.lines !== count || line.sha256 !== digest.digest('hex')) throw damaged(path);
      hasEnded = true;
      continue;
    }
    if ((line.type === 'header') !== (count === 0) || (line.type === 'keys') !== (count === 1)) throw damaged(path);
    digest.update(text).update('\n');
    count += 1;
    yield line;
  }
  if (!hasEnded) throw damaged(path);
}

function readLine(path: string, text: string, count: number): ExportLine {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
  if (count === 0) checkHeader(path, json);
  const line = ExportLine.safeParse(json);
  if (line.success) return line.data;
  const where = line.error.issues.map((issue) => issue.path.map(String).join('.')).find((field) => field !== '');
  // What is in it may be a secret and is not quoted.
  throw new Fault(
    'Invalid',
    `Line ${count + 1} of ${path} is not as Containr writes it${where === undefined ? '' : ` (${where})`}. Take another export.`,
  );
}

function checkHeader(path: string, json: unknown): void {
  const header = ExportHeader.pick({ type: true, format: true, version: true }).safeParse(json);
  if (!header.success) throw new Fault('Invalid', `${path} holds something else than an export of an installation.`);
  const { version } = header.data;
  if (version === EXPORT_VERSION) return;
  throw new Fault(
    'Invalid',
    `${path} is of version ${version}, and this Containr reads version ${EXPORT_VERSION}. Import it with the version of Containr that wrote it, or a later one.`,
  );
}
