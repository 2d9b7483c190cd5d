import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { containr, startCommand, type Ended, type Running } from './cli-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'containr-cli-dev-'));
const dataDir = join(folder, 'data');
const readyFile = join(folder, 'ready.json');
const started: Running[] = [];

afterAll(async () => {
  for (const { process, ended } of started) {
    process.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

function start(...parameters: string[]): Running {
  const running = startCommand([containr, ...parameters], { env: process.env, cwd: folder });
  started.push(running);
  return running;
}

function run(...parameters: string[]): Promise<Ended> {
  return startCommand([containr, ...parameters], { env: process.env, cwd: folder }).ended;
}

const simulated = ['dev', '--port', '0', '--data-dir', dataDir, '--engine', 'simulated', '--ready-file', readyFile];

const Ready = z.strictObject({
  url: z.url(),
  token: z.string().min(20),
  proxmoxUrl: z.url(),
  dataDir: z.literal(dataDir),
  engine: z.literal('simulated'),
  pid: z.int(),
});

function readReady(): z.output<typeof Ready> {
  return Ready.parse(JSON.parse(readFileSync(readyFile, 'utf8')));
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}

describe('containr dev', () => {
  it('becomes ready, keeps its folder for itself, starts again what ends, and leaves nothing running', async () => {
    const dev = start(...simulated);
    await dev.says('containr get all -A');
    const ready = readReady();
    expect(ready.pid).toBe(dev.process.pid);

    const second = await run('dev', '--data-dir', dataDir, '--port', '0');
    expect(second).toMatchObject({ code: 4, stdout: '' });
    expect(second.stderr).toContain(`(process ${dev.process.pid})`);

    const pid = Number(readFileSync(join(dataDir, 'controller', 'controller.pid'), 'utf8').split(' ')[0]);
    process.kill(pid, 'SIGKILL');
    await dev.says('The controller was ended by SIGKILL; it is started again');
    await expect.poll(() => answers(`${ready.url}/readyz`), { timeout: 60_000 }).toBe(true);

    expect(await run('dev', 'stop', '--data-dir', dataDir)).toMatchObject({ code: 0 });
    expect((await dev.ended).code).toBe(0);
    expect(await answers(ready.url)).toBe(false);
    expect(existsSync(readyFile)).toBe(false);
    expect((await run('dev', 'stop', '--data-dir', dataDir)).code).toBe(3);
  });

  it('takes its programs with it when it is killed, and goes on with its data in the background', async () => {
    const dev = start(...simulated);
    await dev.says('containr get all -A');
    const { url, token, proxmoxUrl } = readReady();
    dev.process.kill('SIGKILL');
    await expect.poll(() => answers(url), { timeout: 60_000 }).toBe(false);
    await expect.poll(() => existsSync(join(dataDir, 'controller', 'controller.pid')), { timeout: 60_000 }).toBe(false);
    expect(new URL(proxmoxUrl).port).not.toBe('');

    const detached = await run(...simulated, '--detach');
    expect(detached).toMatchObject({ code: 0 });
    expect(detached.stdout).toContain('containr dev stop');
    expect(readReady().token).toBe(token);
    expect((await run('dev', 'stop', '--data-dir', dataDir)).code).toBe(0);
    expect(existsSync(readyFile)).toBe(false);
  });

  it('speaks HTTPS where that is asked for, with a certificate that commands and kubeconfigs are told of', async () => {
    const dev = start(...simulated, '--https');
    await dev.says('kubectl get services -A');
    const { url, token } = readReady();
    expect(url).toMatch(/^https:/);
    const authority = join(dataDir, 'sandbox', 'pve', 'pve-ssl.pem');
    const env = { ...process.env, CONTAINR_URL: url, CONTAINR_TOKEN: token };
    const trusted = { ...env, NODE_EXTRA_CA_CERTS: authority };
    const command = (words: string[], as: NodeJS.ProcessEnv): Promise<Ended> =>
      startCommand([containr, ...words], { env: as, cwd: folder }).ended;
    expect((await command(['auth', 'whoami'], env)).stderr).toContain('NODE_EXTRA_CA_CERTS');
    expect((await command(['auth', 'whoami'], trusted)).code).toBe(0);
    const { stdout } = await command(['kubeconfig'], trusted);
    expect(stdout).toContain(`certificate-authority-data: ${readFileSync(authority).toString('base64')}`);
    expect((await run('dev', 'stop', '--data-dir', dataDir)).code).toBe(0);
  });

  it('names the port that another program has', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    const { code, stderr } = await run('dev', '--data-dir', join(folder, 'third'), '--port', port);
    other.close();
    expect(code).toBe(4);
    expect(stderr).toContain(`Port ${port} is in use`);
    expect(existsSync(join(folder, 'third', 'dev.pid'))).toBe(false);
  });

  it('says at once why a program cannot start, with the end of its log', async () => {
    const broken = join(folder, 'broken');
    mkdirSync(broken);
    writeFileSync(join(broken, 'sandbox'), 'a file where a folder should be');
    const { code, stderr } = await run('dev', '--data-dir', broken, '--port', '0', '--engine', 'simulated');
    expect(code).toBe(7);
    expect(stderr).toContain('The sandbox ended with code 1 while starting');
    expect(stderr).toContain(join(broken, 'sandbox'));
    expect(existsSync(join(broken, 'dev.pid'))).toBe(false);
  });
});

describe('containr server', () => {
  it('is the controller itself, so that a signal ends it and nothing is left', async () => {
    const own = join(folder, 'server');
    const server = start('server', '--port', '0', '--data-dir', own);
    await server.says('serving');
    const [pid] = readFileSync(join(own, 'controller.pid'), 'utf8').split(' ');
    expect(Number(pid)).toBe(server.process.pid);
    server.process.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
    expect(existsSync(join(own, 'controller.pid'))).toBe(false);
  });
});
