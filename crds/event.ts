import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { Reason } from './reasons.ts';

/** What happened to an object: counted, merged, kept for a while. Never the only place for a fact. */
export const Event = defineKind('Event', {
  plural: 'events',
  shortNames: ['ev'],
  scope: 'Namespaced',
  description: 'What happened to an object, counted and kept for a while.',
  columns: [
    { name: 'Last', type: 'date', jsonPath: '.spec.lastTimestamp' },
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'Reason', type: 'string', jsonPath: '.spec.reason' },
    { name: 'Kind', type: 'string', jsonPath: '.spec.regarding.kind' },
    { name: 'Object', type: 'string', jsonPath: '.spec.regarding.name' },
    { name: 'Count', type: 'integer', jsonPath: '.spec.count' },
    { name: 'Message', type: 'string', jsonPath: '.spec.message' },
  ],
  spec: z.strictObject({
    regarding: z.strictObject({
      kind: z.string(),
      name: z.string(),
      namespace: z.string().optional(),
      uid: z.string(),
    }),
    type: z.enum(['Normal', 'Warning']),
    reason: Reason,
    message: z.string().max(2048),
    count: z.int().min(1).default(1),
    firstTimestamp: z.string(),
    lastTimestamp: z.string(),
  }),
  status: CommonStatus,
});
export type Event = ResourceOf<typeof Event>;
