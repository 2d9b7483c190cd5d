import { isStorageFault, StorageFault } from './fault.ts';
import type { StoredObject, UploadPlan } from './object-storage.ts';
import { refusalOf, xmlText } from './s3-answer.ts';
import type { S3Requests } from './s3-requests.ts';

/** No upload may have more. */
const MOST_PARTS = 10_000;
/** Half an upload takes room for which people pay: it is thrown away even when all else is being stopped. */
const ABORT_MS = 20_000;

type Part = { number: number; etag: string };

/** Sends a stream part by part. All parts but the last have the same size, which some servers insist on. */
export async function uploadParts(
  requests: S3Requests,
  key: string,
  source: AsyncIterable<Uint8Array>,
  { partBytes, confirm }: UploadPlan,
  signal: AbortSignal,
): Promise<StoredObject> {
  const uploadId = await begin(requests, key, signal);
  try {
    const parts: Part[] = [];
    let sizeBytes = 0;
    for await (const body of inPieces(source, partBytes)) {
      signal.throwIfAborted();
      if (parts.length === MOST_PARTS)
        throw new StorageFault(
          'tooLarge',
          `An upload of ${key} has more than ${MOST_PARTS} parts of ${partBytes} bytes.`,
        );
      parts.push(await sendPart(requests, key, uploadId, { number: parts.length + 1, body }, signal));
      sizeBytes += body.length;
    }
    await confirm();
    return { sizeBytes, etag: await complete(requests, key, uploadId, { parts, sizeBytes }, signal) };
  } catch (error) {
    await abort(requests, key, uploadId);
    throw error;
  }
}

/** Throws away one upload. What cannot be thrown away now is found by its key later. */
async function abort(requests: S3Requests, key: string, uploadId: string): Promise<void> {
  try {
    await requests.send({ method: 'DELETE', key, query: { uploadId } }, AbortSignal.timeout(ABORT_MS));
  } catch {
    // The error that led here is the one to be told.
  }
}

async function begin(requests: S3Requests, key: string, signal: AbortSignal): Promise<string> {
  const headers = { 'content-type': 'application/octet-stream' };
  const { text } = await requests.send({ method: 'POST', key, query: { uploads: '' }, headers }, signal);
  const uploadId = xmlText(text, 'UploadId');
  if (uploadId === undefined || uploadId === '')
    throw new StorageFault('refused', `What answers for ${key} is no S3 server: it names no upload. Correct endpoint.`);
  return uploadId;
}

async function sendPart(
  requests: S3Requests,
  key: string,
  uploadId: string,
  { number, body }: { number: number; body: Buffer },
  signal: AbortSignal,
): Promise<Part> {
  const query = { partNumber: String(number), uploadId };
  const { headers } = await requests.send({ method: 'PUT', key, query, body }, signal);
  const { etag } = headers;
  if (typeof etag !== 'string' || etag === '')
    throw new StorageFault(
      'refused',
      `Part ${number} of ${key} was taken without an ETag; it could not be named later.`,
    );
  return { number, etag };
}

/** Makes one object of the parts. An answer that was lost on the way is made up for by a look. */
async function complete(
  requests: S3Requests,
  key: string,
  uploadId: string,
  { parts, sizeBytes }: { parts: readonly Part[]; sizeBytes: number },
  signal: AbortSignal,
): Promise<string> {
  const list = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escape(etag)}</ETag></Part>`,
  );
  const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`);
  const headers = { 'content-type': 'application/xml' };
  try {
    const answer = await requests.send({ method: 'POST', key, query: { uploadId }, headers, body }, signal);
    // It may say 200 first and that it failed afterwards.
    if (answer.text.includes('<Error>')) throw refusalOf({ ...answer, status: 500 }, `Completing ${key}`);
    const etag = xmlText(answer.text, 'ETag');
    if (etag !== undefined) return etag;
    throw new StorageFault('refused', `What answers for ${key} is no S3 server: it names no object. Correct endpoint.`);
  } catch (error) {
    if (!isStorageFault(error, 'absent')) throw error;
    const { headers: found } = await requests.send({ method: 'HEAD', key }, signal);
    if (Number(found['content-length']) !== sizeBytes || typeof found['etag'] !== 'string') throw error;
    return found['etag'];
  }
}

/** The same bytes in pieces of one size; at least one piece. The buffer is used again, so a piece counts until the next. */
export async function* inPieces(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  let isFirst = true;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(size - filled, chunk.length - at);
      buffer.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled < size) continue;
      yield buffer;
      filled = 0;
      isFirst = false;
    }
  }
  if (filled > 0 || isFirst) yield buffer.subarray(0, filled);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
