import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { RepositoryPath, SingleLine } from './names.ts';
import { Duration } from './duration.ts';
import { SecretKeyRef, SecretRef } from './secret.ts';
import { GitRef, RepositoryUrl } from './workload.ts';

/** Follows a Git repository and applies the manifests in it. */
export const RepoSync = defineKind('RepoSync', {
  plural: 'reposyncs',
  shortNames: ['rs'],
  scope: 'Namespaced',
  description: 'Follows a folder of a Git repository and applies the manifests in it, within its project.',
  finalizer: true,
  columns: [
    { name: 'URL', type: 'string', jsonPath: '.spec.url' },
    { name: 'Revision', type: 'string', jsonPath: '.status.revision' },
    { name: 'Objects', type: 'integer', jsonPath: '.status.objects' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    url: RepositoryUrl,
    branch: GitRef.optional(),
    path: RepositoryPath.default('/'),
    interval: Duration.default('1m'),
    /** What is no longer in the repository goes. Off by default. */
    prune: z.boolean().default(false),
    /** The largest share of the inventory, in per cent, that goes without being confirmed. */
    pruneLimit: z.int().min(0).max(100).default(50),
    /** The revision whose larger prune is confirmed. */
    confirmPrune: SingleLine.max(64).optional(),
    suspend: z.boolean().default(false),
    secretRef: SecretRef.optional(),
    /** What a webhook must prove to know. Without it there is no webhook. */
    webhookSecretRef: SecretKeyRef.optional(),
  }),
  status: CommonStatus.extend({
    revision: z.string().optional(),
    /** When the source was last read. */
    fetchedAt: z.string().optional(),
    appliedAt: z.string().optional(),
    objects: z.int().optional(),
    inventory: z
      .array(z.object({ kind: z.string(), namespace: z.string().optional(), name: z.string(), uid: z.string() }))
      .default([]),
    /** Written by the webhook endpoint through an annotation, echoed here once handled. */
    lastHandledWebhook: z.string().optional(),
  }),
});
export type RepoSync = ResourceOf<typeof RepoSync>;
