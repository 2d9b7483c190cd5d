import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { openKeyring } from '../../controller/secrets/keyring.ts';
import { Secret } from '../../crds/secret.ts';
import { CliFixture, serviceYaml, type Ended } from './cli-fixture.ts';

const CANARY = 'canary-52e0b9';
const place = { namespace: 'shop', name: 'api' };

let cli: CliFixture;
beforeAll(async () => {
  cli = await CliFixture.create();
});
afterAll(() => cli.dispose());

function seal(parameters: readonly string[], input = '', env: Record<string, string> = {}): Promise<Ended> {
  return cli.start(['secret', 'seal', 'api', '-n', 'shop', ...parameters], { input, env }).ended;
}

/** What the installation opens each sealed value to; why not, where it does not. */
async function openedBy(sealed: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const opened = Object.entries(sealed).map(async ([key, text]) => {
    const opening = await cli.api.ages.open({ ...place, key }, text);
    return [key, opening.ok ? opening.value : opening.problem];
  });
  return Object.fromEntries(await Promise.all(opened));
}

async function openedIn(manifest: string): Promise<Record<string, string>> {
  return openedBy(Secret.parseManifest(parse(manifest)).spec.sealed ?? {});
}

describe('containr secret seal', () => {
  it.each<[string, string[], string, Record<string, string>]>([
    ['standard input for one key, without its last new line', ['A=-'], `${CANARY}\n`, { A: CANARY }],
    ['lines for the keys it asks for', ['A', 'B'], `${CANARY}\ntwo\n`, { A: CANARY, B: 'two' }],
    ['lines of KEY=VALUE', [], `# local\nA=${CANARY}\nB="a # b"\n`, { A: CANARY, B: 'a # b' }],
  ])('prints a Secret from %s, and no value', async (_, parameters, input, expected) => {
    const { code, stdout, stderr } = await seal(parameters, input);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain(CANARY);
    expect(stdout).not.toContain(Buffer.from(CANARY).toString('base64').slice(0, 12));
    expect(await openedIn(stdout)).toEqual(expected);
  });

  it('takes files as they are, under their names or another, and env files', async () => {
    const [cert, env] = [cli.write('ca.pem', 'one\ntwo\n'), cli.write('local.env', 'A=1\n')];
    const { stdout } = await seal(['--from-file', cert, `other=${cert}`, '--from-env-file', env]);
    expect(await openedIn(stdout)).toEqual({ 'ca.pem': 'one\ntwo\n', other: 'one\ntwo\n', A: '1' });
  });

  it('takes a value from the command line, and says who sees it', async () => {
    const { stdout, stderr } = await seal(['A=x=-']);
    expect(stderr).toMatch(/^Note: values on the command line are seen by others/);
    expect(await openedIn(stdout)).toEqual({ A: 'x=-' });
  });

  it('seals without a server, for a key in a file', async () => {
    const printed = await cli.run('secret', 'key');
    expect(printed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^age1[a-z0-9]{58}\n$/) });
    const key = cli.write('sealing-key.txt', `# of the shop\n${printed.stdout}`);
    const { code, stdout } = await seal(['A', '--key', key], CANARY, { CONTAINR_URL: 'http://127.0.0.1:9' });
    expect(code).toBe(0);
    expect(await openedIn(stdout)).toEqual({ A: CANARY });
  });

  it('gives the key to whoever is known, and to nobody else', async () => {
    expect((await cli.start(['secret', 'key'], { as: 'stranger' }).ended).code).toBe(0);
    expect((await cli.start(['secret', 'key'], { as: 'nobody' }).ended).code).toBe(5);
  });

  it.each<[string, string[], string, string]>([
    ['an empty value', ['A=-'], '', '"A" has no value.'],
    ['a key twice', ['A=1', 'A=2'], '', '"A" is given twice.'],
    ['a key that cannot be one', ['a b=1'], '', '"a b" cannot be a key'],
    ['two that read standard input', ['A=-', 'B=-'], CANARY, 'Standard input can be read once only.'],
    ['a file that is not there', ['--from-file', 'absent'], '', 'absent cannot be read.'],
    ['nothing at all', [], '', 'There is no line of KEY=VALUE in standard input.'],
    ['a value that is too large', ['A=-'], 'x'.repeat(140_000), '"A" is larger than 128 KiB'],
  ])('refuses %s', async (_, parameters, input, words) => {
    const { code, stdout, stderr } = await seal(parameters, input);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(words);
    expect(stderr).not.toContain(CANARY);
  });

  it('refuses a damaged key, a missing project, and what is no text', async () => {
    const damaged = cli.write('damaged.txt', 'age1qqqq\n');
    expect(await seal(['A=1', '--key', damaged])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('The public key is damaged.'),
    });
    expect((await cli.run('secret', 'seal', 'api', 'A=1')).code).toBe(2);
    const { code, stderr } = await cli.shell(`printf '\\xff\\xfe' | "$0" secret seal api -n shop A=-`);
    expect([code, stderr]).toEqual([2, expect.stringContaining('standard input is not UTF-8 text')]);
  });
});

describe('containr secret seal --merge-into', () => {
  it('makes the file, then changes the one Secret in it and nothing else', async () => {
    const file = join(cli.folder, 'made.yaml');
    expect(await seal(['A', '--merge-into', file], 'one')).toMatchObject({
      code: 0,
      stdout: `Sealed A into ${file}.\n`,
    });
    expect(await openedIn(readFileSync(file, 'utf8'))).toEqual({ A: 'one' });
    const before = `# The shop.\n${serviceYaml('web')}---\n# Its secret.\n${readFileSync(file, 'utf8')}`;
    cli.write('made.yaml', before);
    expect((await seal(['B', '--merge-into', file], CANARY)).code).toBe(0);
    const after = readFileSync(file, 'utf8');
    expect(after.startsWith(before)).toBe(true);
    const [, secret] = parseAllDocuments(after);
    expect(await openedIn(String(secret))).toEqual({ A: 'one', B: CANARY });
  });

  it('takes the value that stood there as it is out of the file', async () => {
    const file = cli.write(
      'plain.yaml',
      `apiVersion: containr.dev/v1alpha1
kind: Secret
metadata: {name: api, namespace: shop}
spec:
  data:
    A: ${CANARY} # to be sealed
`,
    );
    expect((await seal(['A', '--merge-into', file], 'new')).code).toBe(0);
    const after = readFileSync(file, 'utf8');
    expect(after).not.toContain(CANARY);
    expect(await openedIn(after)).toEqual({ A: 'new' });
  });

  it('puts a Secret behind what else is in the file, and leaves what it cannot read alone', async () => {
    const file = cli.write('web.yaml', serviceYaml('web').trimEnd());
    expect((await seal(['A', '--merge-into', file], 'one')).code).toBe(0);
    expect(parseAllDocuments(readFileSync(file, 'utf8'))).toHaveLength(2);
    expect((await cli.run('apply', '-f', file, '--dry-run=server')).code).toBe(0);
    const broken = cli.write('broken.yaml', 'a: [1\n');
    expect((await seal(['A', '--merge-into', broken], 'one')).code).toBe(2);
    expect(readFileSync(broken, 'utf8')).toBe('a: [1\n');
  });

  it('makes what apply takes, again and again without a change', async () => {
    const file = join(cli.folder, 'applied.yaml');
    await seal(['A', '--merge-into', file], CANARY);
    expect((await cli.run('apply', '-f', file)).stdout).toContain('created');
    expect((await cli.run('apply', '-f', file)).stdout).toContain('unchanged');
    const shown = await cli.run('get', 'secret', 'api', '-n', 'shop', '-o', 'yaml');
    expect(shown.stdout).toContain('BEGIN AGE ENCRYPTED FILE');
    expect(shown.stdout).not.toContain(CANARY);
  });
});

describe('containr server rotate-keys', () => {
  it('adds a key that is sealed for from then on, and keeps the one before', async () => {
    const dataDir = join(cli.folder, 'data');
    const before = await openKeyring(dataDir);
    const { code, stdout } = await cli.run('server', 'rotate-keys', '--data-dir', dataDir);
    const { keys } = await openKeyring(dataDir);
    expect(code).toBe(0);
    expect(keys.slice(0, -1)).toEqual(before.keys);
    expect(stdout).toContain(`Added the key ${keys.at(-1)?.id}`);
    expect(stdout).toContain('restart every server');
  });

  it('makes no keys where there are none', async () => {
    const { code, stderr } = await cli.run('server', 'rotate-keys', '--data-dir', join(cli.folder, 'nothing'));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('There is no ') });
  });
});
