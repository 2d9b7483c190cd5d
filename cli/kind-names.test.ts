import { describe, expect, it } from 'vitest';
import { allKinds } from '../crds/kinds.ts';
import { kindNamed, kindNames, readPlacedTargets, readTargets, targetName } from './kind-names.ts';

describe('kindNames', () => {
  it('says of every kind, in the order of applying, what its definition says', () => {
    expect(kindNames).toEqual(
      allKinds.map(({ kind, plural, singular, shortNames, scope }) => ({
        kind,
        plural,
        singular,
        shortNames,
        namespaced: scope === 'Namespaced',
      })),
    );
  });
});

describe('kindNamed', () => {
  it.each(['Service', 'services', 'SVC', 'service'])('knows a service as %s', (word) => {
    expect(kindNamed(word).kind).toBe('Service');
  });

  it('lists the kinds when it knows none', () => {
    expect(() => kindNamed('frob')).toThrow(/no kind "frob".*projects, secrets/);
  });
});

describe('readTargets', () => {
  it.each<[string[], string[]]>([
    [[], []],
    [['services'], []],
    [
      ['svc/web', 'guest/web-1-0'],
      ['service/web', 'guest/web-1-0'],
    ],
    [
      ['svc', 'web', 'api'],
      ['service/web', 'service/api'],
    ],
  ])('reads %j', (words, targets) => {
    expect(readTargets(words).map(targetName)).toEqual(targets);
  });

  it.each([[['svc/web', 'api']], [['svc/']], [['svc/a/b']], [['svc', 'guest/x']]])('refuses %j', (words) => {
    expect(() => readTargets(words)).toThrow('is not of the form KIND/NAME');
  });

  it('asks for the project of what lives in one, and drops it for what does not', () => {
    expect(() => readPlacedTargets(['svc/web'], undefined)).toThrow('Name one with -n PROJECT');
    expect(readPlacedTargets(['builder/default'], 'shop')).toMatchObject([{ name: 'default', namespace: undefined }]);
  });
});
