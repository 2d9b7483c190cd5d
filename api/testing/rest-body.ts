import { expect } from 'vitest';
import { z } from 'zod';
import type { Answer } from './api-fixture.ts';

const Body = z.record(z.string(), z.unknown());

/** The body of an answer of the contract, which must have this status if one is given. */
export function bodyOf(answer: Answer, status?: number): Record<string, unknown> {
  if (status !== undefined) expect({ status: answer.status, body: answer.body }).toMatchObject({ status });
  return Body.parse(answer.body);
}

/** The `id` in an answer. */
export function idOf(answer: Answer): string {
  return z.string().parse(bodyOf(answer)['id']);
}
