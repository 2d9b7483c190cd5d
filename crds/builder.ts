import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { SecretRef } from './secret.ts';

/** A Docker engine that builds images. */
export const Builder = defineKind('Builder', {
  plural: 'builders',
  scope: 'Cluster',
  description: 'A Docker engine that builds images for Services.',
  finalizer: true,
  columns: [
    { name: 'Endpoint', type: 'string', jsonPath: '.spec.endpoint' },
    { name: 'Version', type: 'string', jsonPath: '.status.version' },
    { name: 'Running', type: 'integer', jsonPath: '.status.runningBuilds' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    endpoint: z
      .string()
      .max(512)
      .regex(
        /^(unix:\/\/\/[^\s]+|tcp:\/\/[^\s/@]+:\d{1,5}|ssh:\/\/[^\s/-][^\s/]*)$/,
        'must be unix:///path, tcp://host:port or ssh://user@host',
      ),
    /** For tcp: keys `ca.pem`, `cert.pem`, `key.pem` in the namespace containr-system. */
    tlsSecretRef: SecretRef.optional(),
    /** For ssh: key `sshKey` in the namespace containr-system. */
    keySecretRef: SecretRef.optional(),
    concurrency: z.int().min(1).max(64).default(2),
    platform: z.enum(['linux/amd64', 'linux/arm64']).default('linux/amd64'),
  }),
  status: CommonStatus.extend({
    version: z.string().optional(),
    runningBuilds: z.int().optional(),
  }),
});
export type Builder = ResourceOf<typeof Builder>;
