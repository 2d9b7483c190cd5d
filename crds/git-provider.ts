import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { SingleLine } from './names.ts';
import { SecretKeyRef } from './secret.ts';

/** An account at a Git forge. */
export const GitProvider = defineKind('GitProvider', {
  plural: 'gitproviders',
  scope: 'Namespaced',
  description: 'An account at a Git forge, whose repositories can be listed and deployed from.',
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'User', type: 'string', jsonPath: '.spec.user' },
    { name: 'URL', type: 'string', jsonPath: '.spec.baseUrl' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    displayName: SingleLine.max(128).optional(),
    type: z.enum(['github', 'gitlab', 'bitbucket']),
    /** Of a self-hosted forge. */
    baseUrl: z
      .string()
      .max(512)
      .regex(/^https?:\/\/[^\s/@?#]+(\/[^\s@?#]*)?$/, 'must be an http or https URL without user, query or fragment')
      .optional(),
    /** Id of the user whose account it is; nobody else sees it. */
    user: SingleLine.max(254),
    tokenSecretRef: SecretKeyRef,
  }),
  status: CommonStatus,
});
export type GitProvider = ResourceOf<typeof GitProvider>;
