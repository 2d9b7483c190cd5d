import { describe, expect, it } from 'vitest';
import { checkReference, splitReference } from './image-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('an image reference', () => {
  it.each([
    ['nginx', 'nginx', 'latest'],
    ['owner/app:1.2', 'owner/app', '1.2'],
    ['localhost:5000/app', 'localhost:5000/app', 'latest'],
    ['localhost/app:2', 'localhost/app', '2'],
    ['registry.example.com/owner/app:2', 'registry.example.com/owner/app', '2'],
    [`registry.example.com/owner/app@${digest}`, 'registry.example.com/owner/app', digest],
    [`registry.example.com:443/app:2@${digest}`, 'registry.example.com:443/app', digest],
  ])('%s is read', (image, name, tag) => {
    expect(checkReference(image)).toBe(image);
    expect(splitReference(image)).toEqual({ name, tag });
  });

  it.each(['', '-x', '../containers/x', 'a/../b', 'a/./b', 'a//b', 'a b', 'a?b=c', 'a\nb', 'a/'])(
    '%j is refused',
    (image) => {
      expect(() => checkReference(image)).toThrow(/no image reference/);
    },
  );
});
