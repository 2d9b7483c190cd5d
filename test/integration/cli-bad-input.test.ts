import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service } from '../../crds/service.ts';
import { CliFixture, serviceYaml } from './cli-fixture.ts';

let cli: CliFixture;
beforeAll(async () => {
  cli = await CliFixture.create();
});
afterAll(() => cli.dispose());

async function services(): Promise<string[]> {
  return (await cli.api.store.list(Service)).items.map(({ metadata }) => metadata.name);
}

const good = serviceYaml('good');
const bomb = `${serviceYaml('bomb')}
a: &a [x,x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
`;

/** Each with what its one error has to name. */
const corpus: [what: string, text: string, names: string[]][] = [
  ['an unknown kind', good.replace('kind: Service', 'kind: Servce'), ['line 2', 'kind:', 'Did you mean "Service"']],
  ['a kind in lower case', good.replace('kind: Service', 'kind: service'), ['kind:', 'Did you mean "Service"']],
  ['a missing kind', good.replace('kind: Service\n', ''), ['kind: is required']],
  ['a missing apiVersion', good.replace(/^apiVersion.*\n/, ''), ['apiVersion: is required']],
  ['a missing name', good.replace('name: good, ', ''), ['metadata.name: is required']],
  ['a name that is a number', good.replace('name: good', 'name: 12'), ['metadata.name: expected text']],
  ['an unknown field', `${good}  replica: 2\n`, ['line 6', 'service/good: spec.replica', 'did you mean "replicas"']],
  ['a bad quantity', `${good}  resources: {memory: lots}\n`, ['line 6', 'spec.resources.memory:', '"512Mi"']],
  ['a bad number', `${good}  replicas: many\n`, ['spec.replicas: expected a whole number']],
  ['a name that is no DNS label', good.replace('name: good', 'name: Web_1'), ['line 3', 'metadata.name:', 'DNS']],
  ['a key that is there twice', `${good}  replicas: 1\n  replicas: 2\n`, ['line 7', 'spec.replicas: is set twice']],
  ['a key that reaches into objects', `${good}  __proto__: {replicas: 2}\n`, ['line 6', 'spec.__proto__:']],
  ['aliases that multiply', bomb, ['line 9', 'c[0]: has aliases']],
  ['an alias of itself', `${good}  ports: &p [*p]\n`, ['has aliases']],
  ['a tag that means something elsewhere', `${good}  replicas: !!js/function x\n`, ['line 6', 'tag']],
  ['broken YAML', `${good}  env: [\n`, ['line ']],
  ['endless depth', `${good}  env: ${'['.repeat(200)}${']'.repeat(200)}\n`, ['spec.env[0]: is nested deeper']],
  ['no object at all', 'just text\n', ['is not an object']],
];

describe('containr apply of bad input', () => {
  it.each(corpus)('refuses %s, naming document and field', async (_, text, names) => {
    const file = cli.write('bad.yaml', text);
    const { code, stdout, stderr } = await cli.run('apply', '-f', file);
    expect(stderr).toContain(`containr: ${file}, document 1`);
    for (const name of names) expect(stderr).toContain(name);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(await services()).toEqual([]);
  });

  it('applies nothing of a file whose second document is broken, and says which it is', async () => {
    const file = cli.write('two.yaml', `${good}---\n${serviceYaml('second', '  replicas: -1\n')}`);
    const { code, stderr } = await cli.run('apply', '-f', file);
    expect(code).toBe(2);
    expect(stderr).toContain(`${file}, document 2, line 12, service/second: spec.replicas: must be at least 0`);
    expect(await services()).toEqual([]);
  });

  it('tells everything that is wrong in all files at once', async () => {
    const one = cli.write('one.yaml', good.replace('kind: Service', 'kind: Frob'));
    const two = cli.write('other.yaml', `${good}---\n${serviceYaml('b', '  bogus: 1\n  replicas: x\n')}`);
    const { code, stderr } = await cli.run('apply', '-f', one, '-f', two);
    expect(code).toBe(2);
    expect(stderr).toContain(`${one}, document 1`);
    expect(stderr).toContain(`${two}, document 2, line 12, service/b: spec.bogus`);
    expect(stderr).toContain(`${two}, document 2, line 13, service/b: spec.replicas`);
    expect(stderr).toContain('Nothing was changed.');
  });

  it('refuses a document of 5 MB without reading it to the end', async () => {
    const file = cli.write('large.yaml', `${good}# ${'x'.repeat(5_000_000)}\n`);
    const { code, stderr } = await cli.run('apply', '-f', file);
    expect(code).toBe(2);
    expect(stderr).toContain(`${file}: is larger than 3 MiB`);
  });

  it('refuses a document so deep that it cannot be parsed', async () => {
    const file = cli.write('deep.yaml', '['.repeat(1_000_000));
    const { code, stderr } = await cli.run('apply', '-f', file);
    expect({ code, isTold: stderr.includes(file) }).toEqual({ code: 2, isTold: true });
    expect(stderr).not.toContain('not expected');
  });

  it('finds a key that is there twice among very many in no time', async () => {
    const keys = Array.from({ length: 60_000 }, (_, index) => `  k${index}: 1\n`).join('');
    const file = cli.write('many.yaml', `${good}${keys}  k7: 2\n`);
    const { code, stderr } = await cli.run('apply', '-f', file);
    expect(code).toBe(2);
    expect(stderr).toContain('spec.k7: is set twice');
  });

  it('says that a file is not there, and that standard input is empty', async () => {
    const absent = await cli.run('apply', '-f', 'absent.yaml');
    expect(absent).toMatchObject({ code: 2, stderr: 'containr: absent.yaml: there is no such file or folder.\n' });
    expect(await cli.run('apply', '-f', '-')).toMatchObject({
      code: 2,
      stderr: 'containr: There is no object in -.\n',
    });
  });

  it('names standard input as the place', async () => {
    const { ended } = cli.start(['apply', '-f', '-'], { input: `${good}  replicas: x\n` });
    expect((await ended).stderr).toContain('standard input, document 1, line 6, service/good: spec.replicas');
  });

  it('applies nothing when the server refuses the second of two', async () => {
    const secret = `apiVersion: containr.dev/v1alpha1
kind: Secret
metadata: {name: sealed, namespace: shop}
spec: {sealed: {key: x}}
`;
    const file = cli.write('refused.yaml', `${good}---\n${secret}`);
    const { code, stderr, stdout } = await cli.run('apply', '-f', file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`${file}, document 2, line 10, secret/sealed: spec.sealed.key: is no sealed value`);
    expect(await services()).toEqual([]);
  });

  it('applies nothing when the project of the second of two does not exist', async () => {
    const file = cli.write('nowhere.yaml', `${good}---\n${serviceYaml('b').replace('shop', 'nowhere')}`);
    const { code, stderr } = await cli.run('apply', '-f', file);
    expect(code).toBe(3);
    expect(stderr).toContain('document 2, service/b: There is no project "nowhere"');
    expect(await services()).toEqual([]);
  });

  it('refuses the same object twice, no project, and a project that contradicts -n', async () => {
    const twice = await cli.run('apply', '-f', cli.write('twice.yaml', `${good}---\n${good}`));
    expect(twice.stderr).toContain('is the same object as in');
    const bare = cli.write('bare.yaml', good.replace(', namespace: shop', ''));
    expect((await cli.run('apply', '-f', bare)).stderr).toContain('metadata.namespace: is required');
    expect((await cli.run('apply', '-f', bare, '-n', 'shop', '--dry-run=server')).code).toBe(0);
    const contrary = await cli.run('apply', '-f', cli.write('good.yaml', good), '-n', 'other');
    expect(contrary.stderr).toContain('metadata.namespace: is "shop", and -n says "other"');
    expect(await services()).toEqual([]);
  });
});
