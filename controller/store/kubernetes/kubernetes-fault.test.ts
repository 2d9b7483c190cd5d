import { describe, expect, it } from 'vitest';
import { faultOf, faultOfEvent } from './kubernetes-fault.ts';

function status(code: number, reason: string, details: object = {}): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: `${reason}!`,
    reason,
    code,
    details,
  });
}

describe('faultOf', () => {
  it.each([
    [401, 'Unauthorized', 'Denied'],
    [403, 'Forbidden', 'Denied'],
    [404, 'NotFound', 'NotFound'],
    [409, 'AlreadyExists', 'AlreadyExists'],
    [409, 'Conflict', 'Conflict'],
    [410, 'Expired', 'Expired'],
    [422, 'Invalid', 'Invalid'],
    [429, 'TooManyRequests', 'Throttled'],
    [500, 'InternalError', 'Unavailable'],
    [504, 'Timeout', 'Unavailable'],
  ])('takes %i %s for %s', (code, reason, fault) => {
    expect(faultOf(code, status(code, reason), 'GET /x')).toMatchObject({ code: fault, message: `${reason}!` });
  });

  it('keeps the fields that are wrong, and how long to wait', () => {
    const causes = [{ reason: 'FieldValueInvalid', field: 'spec.replicas', message: 'must be at least 0' }];
    expect(faultOf(422, status(422, 'Invalid', { causes }), 'POST /x').fields).toEqual([
      { path: 'spec.replicas', message: 'must be at least 0' },
    ]);
    expect(faultOf(429, status(429, 'TooManyRequests', { retryAfterSeconds: 2 }), 'GET /x').retryAfterMs).toBe(2_000);
  });

  it('takes a version that never was for one that is gone, so that readers list anew', () => {
    const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
    expect(faultOf(504, status(504, 'Timeout', { causes }), 'GET /x').code).toBe('Expired');
  });

  it('takes a namespace that is being removed for something that passes', () => {
    const causes = [{ reason: 'NamespaceTerminating', message: 'namespace shop is being terminated' }];
    expect(faultOf(403, status(403, 'Forbidden', { causes }), 'POST /x').code).toBe('Conflict');
  });

  it('says what to install when the server has never heard of our kinds', () => {
    const fault = faultOf(404, '404 page not found\n', 'GET /apis/containr.dev/v1alpha1/services');
    expect(fault).toMatchObject({ code: 'Unavailable', message: expect.stringContaining('kubectl apply -k') });
  });

  it('reads what ends a watch, and nothing else', () => {
    expect(faultOfEvent({ kind: 'Status', code: 410, reason: 'Expired' }, 'a watch')?.code).toBe('Expired');
    expect(faultOfEvent({ kind: 'Service' }, 'a watch')).toBeUndefined();
  });
});
