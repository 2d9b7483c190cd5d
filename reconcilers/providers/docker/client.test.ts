import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/harness/fake-clock.ts';
import { createFakeDocker, type FakeDocker } from './fake.ts';
import { dockerConformance } from './testing/conformance.ts';

const { signal } = new AbortController();

let docker: FakeDocker;
beforeEach(() => {
  docker = createFakeDocker({ clock: new FakeClock() });
});

describe('a DockerClient: the fake', () => {
  dockerConformance(() => docker);

  it('pulls what was published, and nothing else', async () => {
    await docker.publish('nginx', { cmd: ['nginx'] });
    const { imageId } = await docker.pull(
      'nginx:latest',
      undefined,
      () => undefined,
      () => undefined,
      signal,
    );
    expect(await docker.inspect('nginx', signal)).toMatchObject({ id: imageId, config: { cmd: ['nginx'] } });
    const absent = docker.pull(
      'gone',
      undefined,
      () => undefined,
      () => undefined,
      signal,
    );
    await expect(absent).rejects.toMatchObject({ meaning: 'imageNotFound' });
  });
});
