import { describe, expect, it } from 'vitest';
import { descriptionFor, readMarks, tagsFor, uidInTags } from './guest-marks.ts';

const marks = { installation: 'a1b2c3d4', uid: '0d5b0f5e-7f0a-4a52-9a0c-2f6f0b6f8e11' };
const tags = tagsFor(marks);
const description = descriptionFor(marks, 'shop/web-r1-0');

describe('readMarks', () => {
  it.each([
    ['both marks', { tags, description }, 'ours'],
    ['tags removed by hand', { tags: [], description }, 'ours'],
    ['description removed by hand', { tags }, 'ours'],
    ['somebody added a tag', { tags: [...tags, 'mine'], description }, 'ours'],
    ['no mark at all', { tags: ['mine'], description: 'a file server' }, 'none'],
    ['another guest of this installation', { tags: tagsFor({ ...marks, uid: 'another' }) }, 'another'],
    ['the same uid under another installation', { tags: tagsFor({ ...marks, installation: 'ffffffff' }) }, 'another'],
    ['marks that contradict each other', { tags, description: descriptionFor({ ...marks, uid: 'x' }, 'x') }, 'another'],
    ['a description that only looks like a mark', { tags: [], description: 'containr-identity: {"uid":1}' }, 'none'],
  ] as const)('reads %s', (_, guest, reading) => {
    expect(readMarks(marks, guest)).toBe(reading);
  });

  it('finds the uid in the tags of this installation only', () => {
    expect(uidInTags(tags, marks.installation)).toBe(marks.uid);
    expect(uidInTags(tags, 'ffffffff')).toBeUndefined();
  });
});
