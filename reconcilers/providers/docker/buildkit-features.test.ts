import { describe, expect, it } from 'vitest';
import { needsBuildKit } from './buildkit-features.ts';

describe('needsBuildKit', () => {
  it.each([
    ['RUN --mount=type=cache,target=/root/.npm npm ci'],
    ['run --network=none --mount=type=secret,id=A make'],
    ['RUN \\\n  --mount=type=cache make'],
    ['COPY --link a b'],
    ['COPY --from=build --chmod=755 a b'],
    ['RUN <<EOF\necho hi\nEOF'],
    ['COPY <<-"END" /etc/x\nhi\n\tEND'],
  ])('sees it in %j', (line) => {
    expect(needsBuildKit(`# syntax=docker/dockerfile:1\nFROM alpine\n${line}\n`)).toBe(true);
  });

  it.each([
    ['# syntax=docker/dockerfile:1'],
    ['RUN echo --mount=type=cache'],
    ['COPY --from=build --chown=1:1 a b'],
    ['RUN cat <<EOF > /x'],
    ['# RUN --mount=type=cache make'],
  ])('does not see it in %j', (line) => {
    expect(needsBuildKit(`FROM alpine\n${line}\n`)).toBe(false);
  });
});
