import { describe, expect, it } from 'vitest';
import { Volume } from '../../crds/volume.ts';
import { SERIES_LABEL, versionOf } from './database-engine.ts';
import { testObject } from './testing.ts';

describe('versionOf', () => {
  it.each([
    ['what the server says, of its series', '17.2', '17', '17.2'],
    ['what the server says, where it is the series', '8', '8', '8'],
    ['what the server says, where no series is known', '7.0.15', undefined, '7.0.15'],
    ['the series, of a server that calls itself otherwise', '7.0.15', '7.2', '7.2'],
    ['the series, of one whose number only begins alike', '17.2', '1', '1'],
    ['the series, of a server that never answered', undefined, '15', '15'],
  ])('is %s', (_, said, series, expected) => {
    const volume = testObject(Volume, 'data', {});
    const labels = series === undefined ? {} : { [SERIES_LABEL]: series };
    expect(versionOf(said, { ...volume, metadata: { ...volume.metadata, labels } })).toBe(expected);
  });
});
