import { isStorageFault, StorageFault } from './fault.ts';
import type { BucketAccess, ObjectStorage, StoredObject } from './object-storage.ts';
import { xmlParts, xmlText, type S3Answer } from './s3-answer.ts';
import { createS3Requests } from './s3-requests.ts';
import { uploadParts } from './s3-upload.ts';

/** A bucket of a server that speaks the protocol of S3: AWS, MinIO, Garage, R2, Backblaze and others. */
export function openS3Bucket(
  access: BucketAccess,
  tools?: { silenceMs?: number; firstRestMs?: number },
): ObjectStorage {
  const requests = createS3Requests(access, tools);

  return {
    urlOf: requests.urlOf,

    async put(key, content, contentType, signal) {
      const headers = { 'content-type': contentType };
      await requests.send({ method: 'PUT', key, headers, body: content }, signal);
    },

    upload: (key, source, plan, signal) => uploadParts(requests, key, source, plan, signal),

    async head(key, signal) {
      try {
        return readHead(await requests.send({ method: 'HEAD', key }, signal), key);
      } catch (error) {
        if (!isStorageFault(error, 'absent')) throw error;
        // A HEAD has no words in which a bucket could be said to be missing.
        await requests.send(
          { method: 'GET', key: '', query: { 'list-type': '2', 'max-keys': '1', prefix: key } },
          signal,
        );
        return undefined;
      }
    },

    async get(key, signal) {
      const { body, headers } = await requests.open({ method: 'GET', key }, signal);
      return whole(body, Number(headers['content-length'] ?? Number.NaN), key, signal);
    },

    async remove(key, signal) {
      try {
        await requests.send({ method: 'DELETE', key }, signal);
      } catch (error) {
        if (!isStorageFault(error, 'absent')) throw error;
      }
    },

    async abortUploads(key, signal) {
      let count = 0;
      let after: Record<string, string> = {};
      for (;;) {
        const { text } = await requests.send(
          { method: 'GET', key: '', query: { uploads: '', prefix: key, ...after } },
          signal,
        );
        for (const upload of xmlParts(text, 'Upload')) {
          const uploadId = xmlText(upload, 'UploadId');
          // A prefix is shared by longer keys.
          if (uploadId === undefined || xmlText(upload, 'Key') !== key) continue;
          await requests.send({ method: 'DELETE', key, query: { uploadId } }, signal);
          count += 1;
        }
        if (xmlText(text, 'IsTruncated') !== 'true') return count;
        after = {
          'key-marker': xmlText(text, 'NextKeyMarker') ?? '',
          'upload-id-marker': xmlText(text, 'NextUploadIdMarker') ?? '',
        };
      }
    },

    close: requests.close,
  };
}

function readHead({ headers }: S3Answer, key: string): StoredObject {
  const sizeBytes = Number(headers['content-length']);
  const { etag } = headers;
  if (!Number.isSafeInteger(sizeBytes) || typeof etag !== 'string')
    throw new StorageFault('refused', `What answers for ${key} is no S3 server: it says no size. Correct endpoint.`);
  return { sizeBytes, etag };
}

async function* whole(
  body: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  key: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let taken = 0;
  try {
    for await (const chunk of body) {
      taken += chunk.length;
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new StorageFault('unreachable', `The connection was lost after ${taken} bytes of ${key}.`, { cause: error });
  }
  if (Number.isFinite(sizeBytes) && taken !== sizeBytes)
    throw new StorageFault('unreachable', `Of ${key} came ${taken} bytes instead of ${sizeBytes}.`);
}
