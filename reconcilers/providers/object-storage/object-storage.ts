/** A bucket, and how to be let in. */
export interface BucketAccess {
  /** Scheme, host and port, without a path. */
  endpoint: string;
  region: string;
  bucket: string;
  /** The bucket in the path instead of the host name. */
  pathStyle: boolean;
  accessKeyId: string;
  secretAccessKey: string;
}

/** What a bucket says of an object without sending it. */
export interface StoredObject {
  sizeBytes: number;
  etag: string;
}

export interface UploadPlan {
  /** All but the last part have this size; one part is in memory at a time. */
  partBytes: number;
  /** Called once all has been sent and before it is made an object. When it fails, nothing stays. */
  confirm: () => Promise<void>;
}

/** One bucket. Each call throws StorageFault for what it could not do, and the reason of `signal` when that aborts. */
export interface ObjectStorage {
  /** Where an object is, for people: without a login. */
  urlOf(key: string): string;
  put(key: string, content: Buffer, contentType: string, signal: AbortSignal): Promise<void>;
  /** Sends what comes, however much that is, and makes it one object once all is there; nothing is left of one that fails. */
  upload(key: string, source: AsyncIterable<Uint8Array>, plan: UploadPlan, signal: AbortSignal): Promise<StoredObject>;
  /** Undefined when there is no such object. */
  head(key: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /** The bytes of an object as they come; fails when fewer come than there are. */
  get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** An object that is not there is gone, too. */
  remove(key: string, signal: AbortSignal): Promise<void>;
  /** Throws away what uploads of exactly this key left behind, and answers how many there were. */
  abortUploads(key: string, signal: AbortSignal): Promise<number>;
  /** Closes its connections. */
  close(): Promise<void>;
}

/** The calls of ObjectStorage that change something in a bucket. */
export const CHANGES_A_BUCKET = ['put', 'upload', 'remove', 'abortUploads'] as const;

/** Reaches a bucket; nothing is connected yet. */
export type OpenBucket = (access: BucketAccess) => ObjectStorage;
