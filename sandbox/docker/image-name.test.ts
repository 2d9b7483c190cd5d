import { describe, expect, it } from 'vitest';
import { formatTag, parseImageName, registryOf } from './image-name.ts';

describe('parseImageName', () => {
  it.each([
    ['app', 'app:latest', 'docker.io'],
    ['team/app:1.2', 'team/app:1.2', 'docker.io'],
    ['docker.io/library/app:1', 'app:1', 'docker.io'],
    ['localhost/app', 'localhost/app:latest', 'localhost'],
    ['registry.example:5000/a/b_c:v-1', 'registry.example:5000/a/b_c:v-1', 'registry.example:5000'],
  ])('reads %s', (text, tag, registry) => {
    const name = parseImageName(text);
    expect(formatTag(name)).toBe(tag);
    expect(registryOf(name)).toBe(registry);
  });

  it('takes a digest in place of a tag', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(parseImageName(`app@${digest}`)).toEqual({ repository: 'app', tag: undefined, digest });
  });

  it.each(['', 'BAD', 'a/B:1', 'a:', 'a:b c', '-a', 'a//b', 'a@sha256:12', '../a'])('refuses %j', (text) => {
    expect(() => parseImageName(text)).toThrow('invalid reference format');
  });
});
