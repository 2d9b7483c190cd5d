import { describe, expect, it } from 'vitest';
import { checkReference, registryOf, splitReference } from './image-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('an image reference', () => {
  it.each([
    ['nginx', 'nginx', 'latest', 'https://index.docker.io/v1/'],
    ['owner/app:1.2', 'owner/app', '1.2', 'https://index.docker.io/v1/'],
    ['localhost:5000/app', 'localhost:5000/app', 'latest', 'localhost:5000'],
    ['localhost/app:2', 'localhost/app', '2', 'localhost'],
    ['ghcr.io/owner/app:2', 'ghcr.io/owner/app', '2', 'ghcr.io'],
    [`ghcr.io/owner/app@${digest}`, 'ghcr.io/owner/app', digest, 'ghcr.io'],
    [`ghcr.io:443/app:2@${digest}`, 'ghcr.io:443/app', digest, 'ghcr.io:443'],
  ])('%s is read', (image, name, tag, registry) => {
    expect(checkReference(image)).toBe(image);
    expect(splitReference(image)).toEqual({ name, tag });
    expect(registryOf(name)).toBe(registry);
  });

  it.each(['', '-x', '../containers/x', 'a/../b', 'a/./b', 'a//b', 'a b', 'a?b=c', 'a\nb', 'a/'])(
    '%j is refused',
    (image) => {
      expect(() => checkReference(image)).toThrow(/no image reference/);
    },
  );
});
