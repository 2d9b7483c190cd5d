import { describe, expect, it } from 'vitest';
import { descriptionFor, readIdentity, readMarks, tagsFor, uidInTags, type GuestIdentity } from './guest-marks.ts';

const marks = { installation: 'a1b2c3d4', uid: '0d5b0f5e-7f0a-4a52-9a0c-2f6f0b6f8e11' };
const tags = tagsFor(marks);
const identity: GuestIdentity = {
  ...marks,
  kind: 'Guest',
  project: 'shop',
  name: 'web-r1-0',
  owner: 'Service/web',
  archive: 'sha256:aa',
  volumes: { '/data': 'web-data' },
};
const description = descriptionFor(identity);

describe('readMarks', () => {
  it.each([
    ['both marks', { tags, description }, 'ours'],
    ['tags removed by hand', { tags: [], description }, 'ours'],
    ['description removed by hand', { tags }, 'ours'],
    ['somebody added a tag', { tags: [...tags, 'mine'], description }, 'ours'],
    ['no mark at all', { tags: ['mine'], description: 'a file server' }, 'none'],
    ['another guest of this installation', { tags: tagsFor({ ...marks, uid: 'another' }) }, 'another'],
    ['the same uid under another installation', { tags: tagsFor({ ...marks, installation: 'ffffffff' }) }, 'another'],
    ['marks that contradict each other', { tags, description: descriptionFor({ ...identity, uid: 'x' }) }, 'another'],
    ['a description that only looks like a mark', { tags: [], description: 'containr-identity: {"uid":1}' }, 'none'],
  ] as const)('reads %s', (_, guest, reading) => {
    expect(readMarks(marks, guest)).toBe(reading);
  });

  it('finds the uid in the tags of this installation only', () => {
    expect(uidInTags(tags, marks.installation)).toBe(marks.uid);
    expect(uidInTags(tags, 'ffffffff')).toBeUndefined();
  });
});

describe('descriptionFor', () => {
  it('tells people whose guest it is and what it holds', () => {
    expect(description.split('\n')[0]).toBe(
      'Guest web-r1-0 of the service web in the project shop, managed by Containr. Volumes: web-data at /data. Changes made here by hand are noticed: containr drift list.',
    );
  });

  it('can be read back, also with words of its own', () => {
    expect(readIdentity(description)).toEqual(identity);
    const keeper: GuestIdentity = { ...marks, kind: 'Volume', project: 'shop', name: 'data', retained: true };
    expect(readIdentity(descriptionFor(keeper, 'Kept for good.'))).toEqual(keeper);
  });

  it('is read as none where it has less than an identity', () => {
    expect(readIdentity('containr-identity: {"installation":"a1b2c3d4","uid":"0d5b"}')).toBeUndefined();
    expect(readIdentity('a file server')).toBeUndefined();
  });
});
