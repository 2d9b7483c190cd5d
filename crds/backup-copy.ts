import { z } from 'zod';
import { SingleLine } from './names.ts';
import { SecretRef } from './secret.ts';

const Endpoint = SingleLine.refine(
  isOrigin,
  'must be http:// or https:// with a host and, where it needs one, a port, such as "https://s3.example.com"; nothing else',
);

const Bucket = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]*[a-z0-9])*$/,
    'must be the name of a bucket: lower-case letters, digits, "-" and single dots',
  )
  .min(3, 'must be at least 3 characters long')
  .max(63, 'must be at most 63 characters long');

const Prefix = z
  .string()
  .max(256, 'must be at most 256 characters long')
  .regex(
    /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
    'must be names joined by "/", of letters, digits, ".", "_" and "-", none of which begins with a dot',
  );

const AgeRecipient = z
  .string()
  .regex(/^age1[02-9ac-hj-np-z]{58}$/, 'must be a public key of age, which begins with "age1" and has 62 characters');

/** A second place for backups, outside of Proxmox: a bucket, to which nothing goes that is not encrypted. */
export const CopyTo = z.strictObject({
  s3: z.strictObject({
    endpoint: Endpoint,
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/, 'must be a region such as "eu-central-1"')
      .default('us-east-1'),
    bucket: Bucket,
    prefix: Prefix.optional(),
    /** The bucket in the path instead of the host name, which every server understands. */
    pathStyle: z.boolean().default(true),
    /** A Secret of the project with accessKeyId and secretAccessKey. */
    secretRef: SecretRef,
  }),
  encryption: z
    .strictObject({
      /** Whoever has one of these keys can open the copy, beside this installation itself. */
      recipients: z.array(AgeRecipient).max(16, 'must be at most 16 keys').default([]),
    })
    .prefault({}),
});
export type CopyTo = z.output<typeof CopyTo>;

/** A server and nothing else: no login, path or query that would end up in messages or in a signature. */
function isOrigin(text: string): boolean {
  if (!/^https?:\/\/[^\s/?#@\\]+\/?$/.test(text)) return false;
  return URL.canParse(text) && new URL(text).pathname === '/';
}
