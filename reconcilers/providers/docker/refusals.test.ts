import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DockerFault } from './fault.ts';
import { faultFromError } from './refusals.ts';

const thrown = (message: string, more: object = {}) => Object.assign(new Error(message), more);

describe('faultFromError', () => {
  it.each([
    ['the engine is away', thrown('connect ECONNREFUSED /run/docker.sock'), 'unreachable', 'Unavailable'],
    ['the socket may not be opened', thrown('connect EACCES /run/docker.sock'), 'denied', 'Denied'],
    ['the SSH key is refused', thrown('All configured authentication methods failed'), 'denied', 'Denied'],
    [
      'an image is absent',
      thrown('(HTTP code 404) no such image - x', { statusCode: 404 }),
      'imageNotFound',
      'NotFound',
    ],
    [
      'the disk is full',
      thrown('x', { statusCode: 500, json: { message: 'no space left on device' } }),
      'noSpace',
      'Exhausted',
    ],
    [
      'the request makes no sense',
      thrown('(HTTP code 400) bad parameter - what', { statusCode: 400 }),
      'invalid',
      'Invalid',
    ],
    [
      'the engine has a bad moment',
      thrown('(HTTP code 500) server error - hm', { statusCode: 500 }),
      'unreachable',
      'Unavailable',
    ],
    ['something else answers', z.object({ a: z.string() }).safeParse({}).error, 'unreachable', 'Unavailable'],
    ['nobody knows what', 'oops', 'unreachable', 'Unavailable'],
  ])('says that %s', (_, error, meaning, code) => {
    expect(faultFromError('It fails', error)).toMatchObject({ meaning, code });
  });

  it('says what the engine said, without HTTP around it', () => {
    const fault = faultFromError(
      'It fails',
      thrown('(HTTP code 400) unexpected - dockerfile parse error line 1', { statusCode: 400 }),
    );
    expect(fault.message).toBe('It fails: dockerfile parse error line 1. Correct it.');
  });

  it('leaves a fault what it is', () => {
    const fault = new DockerFault('noSpace', 'full');
    expect(faultFromError('It fails', fault)).toBe(fault);
  });
});
