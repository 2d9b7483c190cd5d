import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Service, type ServiceSpec } from '../../crds/service.ts';
import { buildxArguments } from '../../reconcilers/providers/docker/buildx-arguments.ts';
import type { CreateGuest, GuestChanges } from '../../reconcilers/providers/proxmox/client.ts';
import { configParams, createParams } from '../../reconcilers/providers/proxmox/guest-params.ts';
import { mountPathProblem, parseMount } from '../../reconcilers/providers/proxmox/mount.ts';
import { jsonBody, type Params } from '../../reconcilers/providers/proxmox/request-body.ts';
import { commandLine } from '../../reconcilers/shared/command-line.ts';
import { openSupervisorConfig } from '../../sandbox/simulated/sealed-config.ts';
import { TEST_CONFIG_KEY } from './fake-repack.ts';
import { hostileSpecs } from './hostile-strings-spec.ts';
import { SpineWorld } from './spine-world.ts';

const REPOSITORY = 'https://git.example/shop/web.git';
const base = {
  source: { type: 'git', repository: REPOSITORY, branch: 'main' },
  ports: [{ name: 'http', port: 8080 }],
  healthCheck: { http: { path: '/', port: 8080 } },
  volumes: [{ name: 'data', mountPath: '/data' }],
};

/** What decides where and whether it runs at all, or stands for another way to build. */
const fixed =
  /^spec\.(region|source\.(commit|image|secretRef\..*)|schedule|timeZone|preDeploy.*|env\[\]\.valueFrom.*|build\.secrets.*)$/;

function leaveOut(field: string, text: string): boolean {
  if (fixed.test(field)) return true;
  if (field.endsWith('mountPath')) return mountPathProblem(text) !== undefined;
  // The environment of a guest has an upper limit of its own, and names of files have that of this disk.
  return text.length > 1_000 || (/rootDirectory|dockerfile/.test(field) && !isFileName(text));
}

function isFileName(text: string): boolean {
  return text.split('/').every((part) => part !== '.' && Buffer.byteLength(part) < 250) && !text.endsWith('/');
}

const worlds: SpineWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

interface Edges {
  spine: SpineWorld;
  /** Every request body that Proxmox was sent for a guest. */
  bodies: Record<string, unknown>[];
}

async function live(written: Record<string, unknown>, builder: 'auto' | 'nixpacks' | 'railpack'): Promise<Edges> {
  const spine = new SpineWorld();
  worlds.push(spine);
  await spine.prepare();
  spine.docker.installBuildx('0.20.0');
  spine.buildpacks.install('railpack', '0.17.1');
  spine.buildpacks.install('nixpacks', '1.41.0');
  const spec = Service.specSchema.parse(written);
  const { repository = '', branch = 'main', rootDirectory, dockerfile } = spec.source;
  const files = {
    [join('/', rootDirectory, dockerfile)]: 'FROM scratch\nCOPY . /app\nCMD ["/app"]\n',
    ...(builder !== 'auto' && { [join('/', rootDirectory, 'package.json')]: '{}' }),
  };
  spine.git.commit(repository, files, { branch });

  const bodies: Record<string, unknown>[] = [];
  const note = (params: Params): void => void bodies.push(JSON.parse(String(jsonBody(params)?.open(() => undefined))));
  const { proxmox } = spine;
  const create = proxmox.createGuest.bind(proxmox);
  proxmox.createGuest = (node: string, guest: CreateGuest, signal: AbortSignal) => {
    note({ ...createParams(guest) });
    return create(node, guest, signal);
  };
  const configure = proxmox.configureGuest.bind(proxmox);
  proxmox.configureGuest = (node: string, vmid: number, changes: GuestChanges, signal: AbortSignal) => {
    note({ ...configParams(changes) });
    return configure(node, vmid, changes, signal);
  };
  await spine.createService('web', { ...written, build: { ...spec.build, builder } });
  await spine.world.runUntilQuiet();
  return { spine, bodies };
}

/** The supervisor's settings in a guest's environment, in their order. */
function settingsIn(env: readonly string[]): [key: string, value: string][] {
  const [entry = ''] = env;
  expect(env).toHaveLength(1);
  const keyFile = `${TEST_CONFIG_KEY.toString('hex')}\n`;
  const opened = openSupervisorConfig(entry.replace('CONTAINR_CONFIG=', ''), keyFile) ?? Buffer.of();
  const words = opened.toString('utf8').split('\0').slice(0, -1);
  return words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? '']] : []));
}

function expectSupervisor({ spine }: Edges, spec: ServiceSpec): void {
  const guest = [...spine.proxmox.guests.values()].find(({ config }) => Object.keys(config.mounts).length > 0);
  const settings = settingsIn(guest?.startedWith?.env ?? []);
  const all = (key: string): string[] => settings.filter(([name]) => name === key).map(([, value]) => value);
  const { startCommand } = spec.build;
  if (startCommand !== undefined) expect(all('arg')).toEqual(commandLine(startCommand));
  expect(all('env')).toEqual(expect.arrayContaining(spec.env.map(({ name, value = '' }) => `${name}=${value}`)));
  // Two more come from the image and from the port.
  const names = ['PATH', 'PORT', ...spec.env.map(({ name }) => name)].toSorted();
  expect(
    all('env')
      .map((entry) => entry.slice(0, entry.indexOf('=')))
      .toSorted(),
  ).toEqual(names);
  expect(all('volume')).toEqual(spec.volumes.map(({ mountPath }) => mountPath));
  const mounts = Object.values(guest?.config.mounts ?? {}).map((text) => parseMount(text).path);
  expect(mounts).toEqual(spec.volumes.map(({ mountPath }) => mountPath));
}

/** A config of Proxmox is lines of keys; a tag ends at ";", a part of a disk or of a network at ",". */
function expectBodies(bodies: readonly Record<string, unknown>[]): void {
  expect(bodies.length).toBeGreaterThan(1);
  for (const body of bodies) {
    for (const [key, value] of Object.entries(body)) {
      expect(key).toMatch(
        /^(vmid|ostemplate|ostype|arch|unprivileged|hostname|rootfs|memory|swap|cores|cpulimit|net0|tags|description|onboot|nameserver|searchdomain|entrypoint|env|delete|digest|mp\d+)$/,
      );
      if (key === 'description')
        expect(value).toMatch(
          /^Guest web-r1-0 of the service web in the project shop, managed by Containr\. [^\n]*\n\ncontainr-identity: \{[^\n]*\}$/,
        );
      else expect(String(value), key).not.toMatch(/\p{Cc}/u);
      if (key === 'hostname') expect(value).toMatch(/^[a-z0-9-]+$/);
      if (key === 'entrypoint') expect(value).toBe('/.containr/init');
      if (key === 'env') expect(value).toMatch(/^CONTAINR_CONFIG=2\.[0-9a-f-]+\.[A-Za-z0-9+/]+={0,2}$/);
      if (key === 'tags') expect(value).toMatch(/^containr;containr-g-[0-9a-f-]+;containr-i-a1b2c3d4$/);
    }
  }
}

const known: ReadonlySet<string> = new Set(
  'progress load provenance iidfile platform tag file build-arg label secret'.split(' '),
);

function expectBuild({ spine }: Edges, spec: ServiceSpec, builder: 'auto' | 'nixpacks' | 'railpack'): void {
  const [request] = spine.docker.builds;
  if (!request) throw new Error('Nothing was built.');
  const variables = { ...spec.build.environment, ...spec.build.args };
  const told = builder === 'railpack' ? request.buildkit?.secrets : request.args;
  expect(told).toEqual(variables);
  if (builder === 'auto') expect(request.dockerfile).toBe(spec.source.dockerfile);
  else {
    const [asked] = spine.buildpacks.requests;
    expect(asked?.request).toMatchObject({ variables, secretNames: [] });
    expect(asked?.request.buildCommand).toBe(spec.build.buildCommand);
  }
  expect(dirname(request.contextDir).startsWith(spine.workDir)).toBe(true);

  const { args } = buildxArguments(request, '/iid');
  expect(args.slice(0, 2)).toEqual(['buildx', 'build']);
  expect(args.slice(-2)).toEqual(['--', request.contextDir]);
  const options = args.slice(2, -2).map((option) => /^--([a-z]+(?:-[a-z]+)*)(?:=|$)/.exec(option)?.[1]);
  expect(options.filter((option) => option === undefined || !known.has(option))).toEqual([]);
  for (const [name, value] of Object.entries(request.args)) expect(args).toContain(`--build-arg=${name}=${value}`);
}

describe.each(['auto', 'railpack', 'nixpacks'] as const)('a service of hostile texts, built by %s', (builder) => {
  const specs = hostileSpecs({
    kind: Service,
    base,
    count: 8,
    // A Dockerfile has commands of its own, which is said before anything is built.
    leaveOut: (field, text) => leaveOut(field, text) || (builder === 'auto' && field === 'spec.build.buildCommand'),
  });

  it.each(specs.map((spec, turn) => [turn, spec] as const))(
    'comes to its edges as it was written (%i)',
    async (_, written) => {
      const spec = Service.specSchema.parse(written);
      const edges = await live(written, builder);
      expect(await edges.spine.readyMessage()).toBe('Revision 1 serves.');
      expectBuild(edges, spec, builder);
      expectBodies(edges.bodies);
      expectSupervisor(edges, spec);
    },
  );
});
