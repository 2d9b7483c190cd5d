import { expect } from 'vitest';
import type { Answer, ApiFixture } from './api-fixture.ts';

/** A request without a token. */
export const anybody = { headers: { authorization: '' } };

/** A request with this token. */
export function as(token: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` } };
}

/** What every account has, in the words of the contract. */
export const userFields = {
  id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  created_at: expect.stringMatching(/^\d{4}-.*Z$/),
  updated_at: expect.stringMatching(/^\d{4}-.*Z$/),
};

/** Asks for an account. */
export function register(api: ApiFixture, body: object): Promise<Answer> {
  return api.ask('POST', '/api/v1/auth/register', { ...anybody, body });
}

/** The token of a login that works. */
export async function logIn(api: ApiFixture, person: { email: string; password: string }): Promise<string> {
  const { email, password } = person;
  const { status, body } = await api.ask('POST', '/api/v1/auth/login', { ...anybody, body: { email, password } });
  expect(status).toBe(200);
  return String(Reflect.get(Object(body), 'token'));
}
