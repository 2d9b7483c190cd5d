import { describe, expect, it } from 'vitest';
import { Project } from '../../../crds/project.ts';
import { Service } from '../../../crds/service.ts';
import { parseFieldSelector, parseLabelSelector } from '../selector.ts';
import { fieldQuery, labelQuery, objectPath, unservedFields } from './kubernetes-path.ts';

describe('objectPath', () => {
  it('leads to objects of namespaces and of none', () => {
    expect(objectPath(Service, { namespace: 'shop', name: 'web' })).toBe(
      '/apis/containr.dev/v1alpha1/namespaces/shop/services/web',
    );
    expect(objectPath(Project, { name: 'shop' })).toBe('/apis/containr.dev/v1alpha1/projects/shop');
  });

  it.each(['..', '.', 'a/b', 'a?b', 'A', ''])(
    'leads nowhere for the name %j, whatever address it would make',
    (name) => {
      expect(objectPath(Service, { namespace: 'shop', name })).toBeUndefined();
      expect(objectPath(Service, { namespace: name, name: 'web' })).toBeUndefined();
    },
  );
});

describe('labelQuery', () => {
  it('says the same as what was read', () => {
    const selector = parseLabelSelector('a=b,c!=d,e in (f,g),h notin (i),j,!k');
    expect(parseLabelSelector(labelQuery(selector) ?? '')).toEqual(selector);
    expect(labelQuery([])).toBeUndefined();
  });
});

describe('fieldQuery', () => {
  it('leaves to the server what it can look at, and the rest to us', () => {
    const selector = parseFieldSelector('metadata.name=web,status.phase!=Failed');
    expect(fieldQuery(selector)).toBe('metadata.name=web');
    expect(unservedFields(selector)).toEqual([{ path: 'status.phase', operator: '!=', value: 'Failed' }]);
  });
});
